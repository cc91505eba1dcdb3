//! Conditions of SQL: constants are folded, and long chains are nested evenly.
//!
//! Invariant: a condition is true or false of every row, never null, so that `not` is its
//! complement.

/// A boolean expression of SQL, or a constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    True,
    False,
    Sql(String),
}

impl Condition {
    pub(super) fn constant(holds: bool) -> Self {
        if holds {
            Condition::True
        } else {
            Condition::False
        }
    }

    /// Holds if all parts do.
    pub(super) fn all(parts: impl IntoIterator<Item = Condition>) -> Self {
        fold(parts, &Condition::False, Condition::True, " and ")
    }

    /// Holds if at least one part does.
    pub(super) fn any(parts: impl IntoIterator<Item = Condition>) -> Self {
        fold(parts, &Condition::True, Condition::False, " or ")
    }

    /// Holds if the condition does not.
    pub(super) fn negated(self) -> Self {
        match self {
            Condition::True => Condition::False,
            Condition::False => Condition::True,
            Condition::Sql(sql) => Condition::Sql(format!("not ({sql})")),
        }
    }

    /// Spells the condition so that it can stand beside `and`.
    pub(super) fn into_sql(self) -> String {
        match self {
            Condition::True => "1 = 1".to_owned(),
            Condition::False => "1 = 0".to_owned(),
            Condition::Sql(sql) => sql,
        }
    }
}

fn fold(
    parts: impl IntoIterator<Item = Condition>,
    decisive: &Condition,
    neutral: Condition,
    word: &str,
) -> Condition {
    let mut texts = Vec::new();
    for part in parts {
        match part {
            Condition::Sql(sql) => texts.push(sql),
            part if part == *decisive => return part,
            _ => {}
        }
    }
    match texts.as_slice() {
        [] => neutral,
        texts => Condition::Sql(nest(texts, word)),
    }
}

/// Joins texts by halves: the databases bound how deep an expression may be.
fn nest(texts: &[String], word: &str) -> String {
    match texts {
        [] => String::new(),
        [text] => text.clone(),
        texts => {
            let (left, right) = texts.split_at(texts.len() / 2);
            format!("({}{word}{})", nest(left, word), nest(right, word))
        }
    }
}
