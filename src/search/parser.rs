//! Reads a filter: bounds, tokens, comparisons, and the tree of `AND`, `OR`, `NOT` and parentheses.
//!
//! Nothing is looked up and nothing is recursed into before the bounds have been checked.

use std::iter::Peekable;

use super::ast::{Comparison, Expr, Op};
use super::clause::{self, Item};
use super::lexer::{self, Kind, Token};
use super::{MAX_DEPTH, MAX_FILTER_BYTES, MAX_LIST_VALUES, Target, resolve};
use crate::error::{Error, Result};
use crate::python;

/// How many misplaced parts an error names.
const MAX_NAMED_CLAUSES: usize = 20;

/// Parses a filter of the target.
///
/// # Errors
/// 400 with MLflow's text where MLflow refuses the filter too, and for a filter beyond the bounds
/// of this module.
pub fn parse(target: Target, filter: &str) -> Result<Expr> {
    if filter.is_empty() {
        return Ok(Expr::All);
    }
    check_source(filter)?;
    let tokens = lexer::tokens(filter);
    check_statements(target, filter, &tokens)?;
    let items = clause::group(filter, &tokens)?;
    let comparisons = resolve_all(target, filter, &items)?;
    check_lists(&comparisons)?;
    if items.iter().all(|item| matches!(item, Item::And)) {
        return Ok(Expr::All);
    }
    let comparisons = comparisons.into_iter();
    Builder {
        target,
        filter,
        items: items.into_iter().peekable(),
        comparisons,
    }
    .tree()
}

fn check_source(filter: &str) -> Result<()> {
    if filter.len() > MAX_FILTER_BYTES {
        return Err(Error::invalid(format!(
            "Filter string has {} bytes, at most {MAX_FILTER_BYTES} are accepted.",
            filter.len()
        )));
    }
    check_text(filter)
}

/// Refuses what PostgreSQL cannot store and so no value can contain.
fn check_text(text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::invalid(
            "Filter string must not contain NUL characters.",
        ));
    }
    Ok(())
}

/// Refuses white space alone and anything behind a semicolon.
fn check_statements(target: Target, filter: &str, tokens: &[Token<'_>]) -> Result<()> {
    let end = tokens
        .iter()
        .position(|token| token.kind == Kind::Semicolon);
    let several = end.is_some_and(|end| end + 1 < tokens.len());
    if !several && !tokens.is_empty() {
        return Ok(());
    }
    let printed = python::repr(filter);
    Err(Error::invalid(if target == Target::LoggedModels {
        format!("Invalid filter string: {printed}. Expected a single SQL expression.")
    } else if several {
        format!(
            "Search filter contained multiple expression {printed}. \
             Provide AND-ed expression list."
        )
    } else {
        format!("Invalid filter '{filter}'. Could not be parsed.")
    }))
}

fn resolve_all(target: Target, filter: &str, items: &[Item<'_>]) -> Result<Vec<Comparison>> {
    if target == Target::LoggedModels {
        let parts = items.iter().filter_map(|item| match item {
            Item::Clause(clause) => Some(resolve::logged_model(clause)),
            Item::Stray(text) => Some(Err(misplaced(target, filter, &[text]))),
            _ => None,
        });
        return parts.collect();
    }
    let strays =
        items
            .iter()
            .enumerate()
            .filter_map(|(at, item)| match (item, items.get(at + 1)) {
                (Item::Stray(text), _) => Some(*text),
                (Item::Not(_), Some(Item::Clause(_) | Item::Not(_) | Item::Open)) => None,
                (Item::Not(text), _) => Some(*text),
                _ => None,
            });
    let strays: Vec<_> = strays.take(MAX_NAMED_CLAUSES).collect();
    if !strays.is_empty() {
        return Err(misplaced(target, filter, &strays));
    }
    resolve::comparisons(target, items)
}

/// Makes the text about parts of a filter that belong to no comparison.
#[track_caller]
fn misplaced(target: Target, filter: &str, parts: &[&str]) -> Error {
    if target == Target::LoggedModels {
        return Error::invalid(format!(
            "Invalid filter string: {}. Expected a list of comparisons separated by 'AND' \
             (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').",
            python::repr(filter)
        ));
    }
    let quote = if target == Target::Runs { "'" } else { "" };
    let parts: Vec<_> = parts
        .iter()
        .map(|part| format!("{quote}{part}{quote}"))
        .collect();
    Error::invalid(format!(
        "Invalid clause(s) in filter string: {}",
        parts.join(", ")
    ))
}

/// Checks the lists of all comparisons together; their values may have been written with escapes.
fn check_lists(comparisons: &[Comparison]) -> Result<()> {
    let mut count = 0;
    for comparison in comparisons {
        match &comparison.op {
            Op::InNumber(_, values) => count += values.len(),
            Op::InText(_, values) => {
                count += values.len();
                values.iter().try_for_each(|value| check_text(value))?;
            }
            _ => {}
        }
    }
    if count > MAX_LIST_VALUES {
        return Err(Error::invalid(format!(
            "Filter string has too many values in lists, at most {MAX_LIST_VALUES} are accepted."
        )));
    }
    Ok(())
}

/// Builds the tree by recursive descent: `OR` binds weakest, `NOT` strongest.
struct Builder<'a> {
    target: Target,
    filter: &'a str,
    items: Peekable<std::vec::IntoIter<Item<'a>>>,
    /// The resolved clauses, in the order in which the items name them.
    comparisons: std::vec::IntoIter<Comparison>,
}

impl<'a> Builder<'a> {
    fn tree(mut self) -> Result<Expr> {
        let expr = self.any("", 0)?;
        match self.items.next() {
            None => Ok(expr),
            Some(_) => Err(self.misplaced(")")),
        }
    }

    /// Reads alternatives; `before` is the word behind which one must come.
    fn any(&mut self, mut before: &'a str, depth: usize) -> Result<Expr> {
        let mut alternatives = Vec::new();
        loop {
            let parts = self.all(depth)?;
            let next = self.items.next_if(|item| matches!(item, Item::Or(_)));
            let next = match next {
                Some(Item::Or(text)) => Some(text),
                _ => None,
            };
            if parts.is_empty() {
                return Err(self.misplaced(next.unwrap_or(before)));
            }
            alternatives.push(join(parts, Expr::And));
            match next {
                Some(text) => before = text,
                None => return Ok(join(alternatives, Expr::Or)),
            }
        }
    }

    /// Reads what must hold together. As in MLflow `AND` only separates: it may be missing,
    /// doubled, or stand at either end.
    fn all(&mut self, depth: usize) -> Result<Vec<Expr>> {
        let mut parts = Vec::new();
        loop {
            match self.items.peek() {
                Some(Item::And) => {
                    self.items.next();
                }
                Some(Item::Clause(_) | Item::Not(_) | Item::Open) => parts.push(self.one(depth)?),
                Some(Item::Or(_) | Item::Close | Item::Stray(_)) | None => return Ok(parts),
            }
        }
    }

    fn one(&mut self, depth: usize) -> Result<Expr> {
        if depth > MAX_DEPTH {
            return Err(clause::too_deep());
        }
        match self.items.next() {
            Some(Item::Clause(_)) => {
                let comparison = self.comparisons.next();
                comparison
                    .map(Expr::Compare)
                    .ok_or_else(|| Error::internal("lost comparison"))
            }
            Some(Item::Not(text)) => match self.items.peek() {
                Some(Item::Clause(_) | Item::Not(_) | Item::Open) => {
                    Ok(Expr::Not(Box::new(self.one(depth + 1)?)))
                }
                _ => Err(self.misplaced(text)),
            },
            Some(Item::Open) => {
                let expr = self.any("()", depth + 1)?;
                match self.items.next() {
                    Some(Item::Close) => Ok(expr),
                    _ => Err(self.misplaced("(")),
                }
            }
            _ => Err(self.misplaced("")),
        }
    }

    fn misplaced(&self, part: &str) -> Error {
        misplaced(self.target, self.filter, &[part])
    }
}

/// Gives a single part as it is, and more than one as a list of its kind.
fn join(mut parts: Vec<Expr>, list: impl Fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            list(parts)
        }
        None => list(parts),
    }
}
