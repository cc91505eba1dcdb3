//! What all parts of a statement share: its parameters, the ids of its keys, and its scope.

use super::condition::Condition;
use super::{KeyColumn, Keyed, Layout, Scope};
use crate::db::Value;
use crate::search::MetricDataset;
use std::collections::HashMap;
use std::fmt::Display;

/// Integers up to this number are parameters; longer lists are written into the text, as the
/// databases bound the number of parameters.
const BOUND_INTEGERS: usize = 16;

/// A statement under construction.
pub(super) struct Builder<'q> {
    pub(super) layout: &'q Layout,
    pub(super) scope: &'q Scope<'q>,
    /// The ids of interned keys; a key that is not here was never stored.
    pub(super) keys: &'q HashMap<String, i64>,
    /// The datasets whose metric values the filter looks at; empty for all values.
    pub(super) datasets: &'q [MetricDataset],
    /// What is known of one keyed field in every row of the statement.
    pub(super) known: Option<Known<'q>>,
    /// Whether the filter has more comparisons than a planner should think about.
    pub(super) is_long: bool,
    pub(super) params: Vec<Value<'static>>,
}

/// A metric that the statement has joined as `o0`, or knows to be absent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'q> {
    pub(super) metric: &'q str,
    pub(super) state: MetricState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetricState {
    Number,
    Nan,
    Absent,
}

impl Builder<'_> {
    /// Adds a parameter and gives its placeholder.
    pub(super) fn bind(&mut self, value: impl Into<Value<'static>>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    /// Adds parameters and gives their placeholders, separated by commas.
    pub(super) fn bind_all<V: Into<Value<'static>>>(
        &mut self,
        values: impl IntoIterator<Item = V>,
    ) -> String {
        let placeholders: Vec<_> = values.into_iter().map(|value| self.bind(value)).collect();
        placeholders.join(",")
    }

    /// Says that an integer expression has one of these values.
    pub(super) fn one_of(&mut self, expression: impl Display, values: &[i64]) -> Condition {
        match values {
            [] => Condition::False,
            [value] => Condition::Sql(format!("{expression} = {}", self.bind(*value))),
            values if values.len() <= BOUND_INTEGERS => {
                let list = self.bind_all(values.iter().copied());
                Condition::Sql(format!("{expression} in ({list})"))
            }
            values => {
                let list: Vec<_> = values.iter().map(i64::to_string).collect();
                Condition::Sql(format!("{expression} in ({})", list.join(",")))
            }
        }
    }

    /// Says that a row of the keyed table has this key; `None` if no row has it.
    pub(super) fn key_is(&mut self, keyed: &Keyed, alias: &str, key: &str) -> Option<String> {
        match keyed.key {
            KeyColumn::Interned => {
                let id = *self.keys.get(key)?;
                Some(format!("{alias}.key_id = {}", self.bind(id)))
            }
            KeyColumn::Text => Some(format!("{alias}.key = {}", self.bind(key.to_owned()))),
        }
    }

    /// Says that a row of the metrics was logged on the dataset.
    pub(super) fn on_dataset(&mut self, alias: &str, dataset: &MetricDataset) -> Condition {
        let name = dataset
            .name
            .clone()
            .map(|name| Condition::Sql(format!("{alias}.dataset_name = {}", self.bind(name))));
        let digest = dataset.digest.clone().map(|digest| {
            Condition::Sql(format!("{alias}.dataset_digest = {}", self.bind(digest)))
        });
        Condition::all(name.into_iter().chain(digest))
    }
}
