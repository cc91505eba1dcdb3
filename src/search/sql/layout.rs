//! How a kind of entity is stored: what the translation has to know of the schema.
//!
//! It holds no data of a search. In all expressions here the entity's table is called `e`.

use crate::search::{Attribute, DatasetField, Field};

/// A searchable entity: one table with an integer column `id`, and the tables that belong to it.
#[derive(Debug)]
pub struct Layout {
    pub table: &'static str,
    /// Where each attribute of the target is found; one that is missing here is always null.
    pub columns: &'static [(Attribute, Column)],
    pub metrics: Option<Keyed>,
    pub params: Option<Keyed>,
    pub tags: Option<Keyed>,
    pub datasets: &'static [(DatasetField, Linked)],
}

/// Where an attribute is stored.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    /// A text that is never null.
    Text(&'static str),
    /// An integer that is never null.
    Integer(&'static str),
    /// An integer that may be null.
    NullableInteger(&'static str),
    /// A number that stands for a name, and is compared as that name.
    Named {
        column: &'static str,
        names: fn() -> Vec<(i64, &'static str)>,
        order: NamedOrder,
    },
    /// The id of the experiment, compared as its decimal text and ordered as a number.
    ExperimentId(&'static str),
    /// The value of the tag of this name.
    Tag(&'static str),
}

/// What numbers that stand for names are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedOrder {
    Name,
    Number,
}

/// A table of keys and values of which an entity has many; its columns are `value`, for metrics
/// also `is_nan`, and those that are named here.
#[derive(Debug)]
pub struct Keyed {
    pub table: &'static str,
    /// The column that holds the entity's `id`.
    pub owner: &'static str,
    pub key: KeyColumn,
    pub index: ValueIndex,
    pub values: Values,
}

/// How the key is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyColumn {
    /// In `key_id`, as the id of an interned name.
    Interned,
    /// In `key`, as text.
    Text,
}

/// Whether values can be found by an index that begins with `experiment_id` and the key: for
/// metrics on `is_nan, value`, for the others on the first 64 characters of `value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueIndex {
    None,
    ByExperiment,
}

/// How many values a key of one entity has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    One,
    /// Any number, told apart by `timestamp, step, run_uuid`, each with a dataset or none.
    Many,
}

/// Rows that belong to an entity and have no key.
#[derive(Debug, Clone, Copy)]
pub struct Linked {
    /// The tables, joined.
    pub from: &'static str,
    /// The column that holds the entity's `id`.
    pub owner: &'static str,
    pub value: &'static str,
}

impl Layout {
    pub(super) fn column(&self, attribute: Attribute) -> Option<Column> {
        let mut columns = self.columns.iter();
        columns
            .find(|(other, _)| *other == attribute)
            .map(|(_, column)| *column)
    }

    /// Gives the table of a keyed field and the key; `None` for any other field.
    pub(super) fn keyed<'f>(&'f self, field: &'f Field) -> Option<(&'f Keyed, &'f str)> {
        let (keyed, key) = match field {
            Field::Metric(key) => (&self.metrics, key.as_str()),
            Field::Param(key) => (&self.params, key.as_str()),
            Field::Tag(key) => (&self.tags, key.as_str()),
            Field::Attribute(attribute) => match self.column(*attribute)? {
                Column::Tag(key) => (&self.tags, key),
                _ => return None,
            },
            Field::Dataset(_) => return None,
        };
        Some((keyed.as_ref()?, key))
    }

    pub(super) fn linked(&self, field: DatasetField) -> Option<Linked> {
        let mut datasets = self.datasets.iter();
        datasets
            .find(|(other, _)| *other == field)
            .map(|(_, linked)| *linked)
    }
}
