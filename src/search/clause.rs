//! Groups tokens into comparisons and the words that join them.
//!
//! It knows the shapes `a = 'x'`, `a IN (..)` and `a IS NULL`, but no field and no rule about
//! values. Tokens that belong to no comparison are kept, so that the error can name all of them.

use super::lexer::{Kind, Token};
use super::{MAX_COMPARISONS, MAX_DEPTH};
use crate::error::{Error, Result};

/// One part of a filter, in source order.
#[derive(Debug)]
pub(super) enum Item<'a> {
    Clause(Clause<'a>),
    And,
    /// The keyword as it was typed, like `Not`.
    Or(&'a str),
    Not(&'a str),
    Open,
    Close,
    Stray(&'a str),
}

/// A comparison whose sides have not been looked at yet.
#[derive(Debug)]
pub(super) struct Clause<'a> {
    pub(super) left: Operand<'a>,
    /// Upper case, with single spaces.
    pub(super) comparator: String,
    /// Absent for `IS NULL` and `IS NOT NULL` only.
    pub(super) right: Option<Operand<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Operand<'a> {
    pub(super) kind: OperandKind,
    pub(super) text: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OperandKind {
    Word,
    Text,
    Integer,
    Float,
    /// Everything between two parentheses, and the parentheses.
    List,
    /// `NULL` or an arithmetic expression, which no field can be compared with.
    Other,
}

/// Groups the tokens of `source`.
///
/// More than `MAX_COMPARISONS` comparisons or parentheses nested deeper than `MAX_DEPTH` are
/// refused here, before anything recurses.
pub(super) fn group<'a>(source: &'a str, tokens: &[Token<'a>]) -> Result<Vec<Item<'a>>> {
    let partners = partners(tokens)?;
    let mut grouper = Grouper {
        source,
        tokens,
        partners,
        at: 0,
    };
    let mut items = Vec::new();
    let mut comparisons = 0;
    while let Some(item) = grouper.next_item() {
        comparisons += usize::from(matches!(item, Item::Clause(_)));
        if comparisons > MAX_COMPARISONS {
            return Err(Error::invalid(format!(
                "Filter string has too many comparisons, at most {MAX_COMPARISONS} are accepted."
            )));
        }
        items.push(item);
    }
    Ok(items)
}

/// Gives for every parenthesis the index of the one that it matches, if there is one.
fn partners(tokens: &[Token<'_>]) -> Result<Vec<Option<usize>>> {
    let mut partners = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open if open.len() == MAX_DEPTH => return Err(too_deep()),
            Kind::Open => open.push(index),
            Kind::Close => {
                let Some(partner) = open.pop() else { continue };
                if let Some(slot) = partners.get_mut(index) {
                    *slot = Some(partner);
                }
                if let Some(slot) = partners.get_mut(partner) {
                    *slot = Some(index);
                }
            }
            _ => {}
        }
    }
    Ok(partners)
}

#[track_caller]
pub(super) fn too_deep() -> Error {
    Error::invalid(format!(
        "Filter string is nested deeper than {MAX_DEPTH} levels."
    ))
}

struct Grouper<'a, 't> {
    source: &'a str,
    tokens: &'t [Token<'a>],
    partners: Vec<Option<usize>>,
    at: usize,
}

impl<'a> Grouper<'a, '_> {
    fn next_item(&mut self) -> Option<Item<'a>> {
        let token = *self.tokens.get(self.at)?;
        if let Some((left, end)) = self.operand(self.at) {
            let clause = self.clause(left, end);
            // An operand without a comparison is left behind whole: to look for comparisons
            // inside a long sum again and again would take quadratic time.
            self.at = clause.as_ref().map_or(end, |(_, end)| *end);
            return Some(clause.map_or(Item::Stray(left.text), |(clause, _)| Item::Clause(clause)));
        }
        let matched = self.partner(self.at).is_some();
        self.at += 1;
        Some(match token.kind {
            Kind::Open if matched => Item::Open,
            Kind::Close if matched => Item::Close,
            _ if token.is("AND") => Item::And,
            _ if token.is("OR") => Item::Or(token.text),
            _ if token.is("NOT") => Item::Not(token.text),
            _ => Item::Stray(token.text),
        })
    }

    /// Reads the rest of a comparison, and gives the index behind it.
    fn clause(&self, left: Operand<'a>, at: usize) -> Option<(Clause<'a>, usize)> {
        if let Some((comparator, at)) = self.comparator(at) {
            let (right, end) = self.list(at).or_else(|| self.operand(at))?;
            return Some((
                Clause {
                    left,
                    comparator,
                    right: Some(right),
                },
                end,
            ));
        }
        if left.kind != OperandKind::Word {
            return None;
        }
        let negated = self.is(at, "NOT");
        if self.is(at + usize::from(negated), "IN") {
            let (right, end) = self.list(at + 1 + usize::from(negated))?;
            let comparator = if negated { "NOT IN" } else { "IN" }.to_owned();
            return Some((
                Clause {
                    left,
                    comparator,
                    right: Some(right),
                },
                end,
            ));
        }
        let negated = self.is(at + 1, "NOT");
        if self.is(at, "IS") && self.is(at + 1 + usize::from(negated), "NULL") {
            let comparator = if negated { "IS NOT NULL" } else { "IS NULL" }.to_owned();
            return Some((
                Clause {
                    left,
                    comparator,
                    right: None,
                },
                at + 2 + usize::from(negated),
            ));
        }
        None
    }

    /// Reads a value, or several with arithmetic signs between them.
    fn operand(&self, at: usize) -> Option<(Operand<'a>, usize)> {
        let mut operand = self.single(at)?;
        let mut end = at + 1;
        while self
            .tokens
            .get(end)
            .is_some_and(|token| token.kind == Kind::Operator)
            && self.single(end + 1).is_some()
        {
            end += 2;
            operand = Operand {
                kind: OperandKind::Other,
                text: self.span(at, end - 1)?,
            };
        }
        Some((operand, end))
    }

    fn single(&self, at: usize) -> Option<Operand<'a>> {
        let token = self.tokens.get(at)?;
        let kind = match token.kind {
            Kind::Word if token.is("NULL") => OperandKind::Other,
            Kind::Word
                if ["AND", "OR", "NOT", "IN", "IS"]
                    .iter()
                    .any(|word| token.is(word)) =>
            {
                return None;
            }
            Kind::Word => OperandKind::Word,
            Kind::Text => OperandKind::Text,
            Kind::Integer => OperandKind::Integer,
            Kind::Float => OperandKind::Float,
            _ => return None,
        };
        Some(Operand {
            kind,
            text: token.text,
        })
    }

    fn list(&self, at: usize) -> Option<(Operand<'a>, usize)> {
        if self.tokens.get(at)?.kind != Kind::Open {
            return None;
        }
        let last = self.partner(at)?;
        Some((
            Operand {
                kind: OperandKind::List,
                text: self.span(at, last)?,
            },
            last + 1,
        ))
    }

    fn comparator(&self, at: usize) -> Option<(String, usize)> {
        let token = self.tokens.get(at)?;
        if token.kind == Kind::Compare {
            return Some((token.text.to_owned(), at + 1));
        }
        let negated = token.is("NOT");
        let word = self.tokens.get(at + usize::from(negated))?;
        if !["LIKE", "ILIKE", "RLIKE", "REGEXP"]
            .iter()
            .any(|name| word.is(name))
        {
            return None;
        }
        let prefix = if negated { "NOT " } else { "" };
        Some((
            format!("{prefix}{}", word.text.to_uppercase()),
            at + 1 + usize::from(negated),
        ))
    }

    fn is(&self, at: usize, keyword: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(keyword))
    }

    fn partner(&self, at: usize) -> Option<usize> {
        self.partners.get(at).copied().flatten()
    }

    /// The source from one token to another, both included.
    fn span(&self, first: usize, last: usize) -> Option<&'a str> {
        self.source
            .get(self.tokens.get(first)?.start..self.tokens.get(last)?.end())
    }
}
