//! The search language: filters and orders of runs, experiments, logged models, registered models
//! and model versions.
//!
//! One parser serves all five. It accepts MLflow's grammar of each target, and on every target
//! also `OR`, `NOT`, parentheses, and `IN` and `NOT IN` on every field that can be compared. `NOT`
//! binds stronger than `AND`, and `AND` stronger than `OR`. This module never touches a database
//! and never sees an entity: it turns text into types, once.
//!
//! What a filter means binds whoever evaluates it, in SQL or in memory:
//!
//! * A comparison is true or false, never unknown. `NOT` is the complement: it holds for exactly
//!   the entities for which its part does not.
//! * A comparison with a metric, param, tag, dataset or column that the entity does not have is
//!   false, also `!=` and `NOT IN`. `IS NULL` holds if the entity does not have the key, and an
//!   empty value is a value.
//! * A metric that is NaN matches `!=` and `NOT IN` and nothing else.
//! * A field with several values (the datasets of a run, the logged values of a model's metric)
//!   matches if one of them does; two comparisons may be met by two different values. So `!=`
//!   holds if any value differs, and `NOT (.. = ..)` if none is equal.
//! * Metrics are compared as doubles, and so is an integer column with a fraction. A column of
//!   integers is compared with an integer exactly.
//! * `run_name` is the value of the tag `mlflow.runName`.
//! * Texts are equal if their bytes are. `LIKE` and `ILIKE` are explained in `ast::TextOp`; a
//!   backslash is an ordinary character in them.

pub mod ast;
mod clause;
#[cfg(test)]
pub(crate) mod eval;
mod fields;
mod lexer;
mod literal;
pub mod order;
mod parser;
mod resolve;
pub mod sql;
#[cfg(test)]
pub(crate) mod tests;
pub mod token;
mod value;

pub use ast::{Attribute, Comparison, DatasetField, Expr, Field, Op};
pub use order::{LoggedModelOrder, MetricDataset, OrderBy, parse_logged_model_order, parse_order};
pub use parser::parse;

/// Longest filter, in bytes.
pub const MAX_FILTER_BYTES: usize = 512 * 1024;
/// Most comparisons in one filter.
pub const MAX_COMPARISONS: usize = 1_000;
/// Most values in all lists of one filter together.
pub const MAX_LIST_VALUES: usize = 10_000;
/// Deepest nesting of parentheses and `NOT`.
pub const MAX_DEPTH: usize = 64;
/// Longest pattern of `LIKE` and `ILIKE`, in bytes; SQLite takes no longer ones.
pub const MAX_PATTERN_BYTES: usize = 50_000;
/// Most clauses of an order; a database joins no more than 64 tables.
pub const MAX_ORDER_BY: usize = 50;

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Runs,
    Experiments,
    LoggedModels,
    RegisteredModels,
    ModelVersions,
}
