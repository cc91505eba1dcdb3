//! Patterns on texts of few different values: the values are looked through, and not the entities.
//!
//! A tag such as a team has few values however many runs there are. Those that match a pattern are
//! found in the index of values, which is read with one step for each value, and what is found is a
//! list that the index can look up.

use super::builder::Builder;
use super::{Keyed, ValueIndex};
use crate::db::Tx;
use crate::db::like::{ilike, like};
use crate::error::Result;
use crate::search::ast::{Membership, TextOp};
use crate::search::{Comparison, Op};
use std::collections::BTreeSet;

/// Different values that are looked through in an experiment.
///
/// The tests have few of everything, and shall take every way.
const FEW_VALUES: usize = if cfg!(test) { 3 } else { 200 };
/// Experiments whose values are looked through.
const FEW_EXPERIMENTS: usize = if cfg!(test) { 1 } else { 8 };
/// Characters of a value that the index holds.
const PREFIX: usize = 64;

impl Builder<'_> {
    /// Gives a comparison with a list of values that is met by the same entities as a comparison
    /// with a pattern; `None` where there are too many values, or too long ones.
    pub(super) fn listed(
        &self,
        tx: &mut Tx<'_>,
        comparison: &Comparison,
    ) -> Result<Option<Comparison>> {
        let matches: fn(&str, &str) -> bool = match comparison.op {
            Op::Text(TextOp::Like, _) => like,
            Op::Text(TextOp::ILike, _) => ilike,
            _ => return Ok(None),
        };
        let Op::Text(_, pattern) = &comparison.op else {
            return Ok(None);
        };
        let Some((keyed, key)) = self.layout.keyed(&comparison.field) else {
            return Ok(None);
        };
        let experiments = self.scope.experiment_ids.unwrap_or_default();
        if keyed.index != ValueIndex::ByExperiment || experiments.len() > FEW_EXPERIMENTS {
            return Ok(None);
        }
        let Some(key_id) = self.keys.get(key) else {
            return Ok(None);
        };
        let mut found = BTreeSet::new();
        for experiment in experiments {
            let values = first_values(tx, keyed, *experiment, *key_id)?;
            if values.len() > FEW_VALUES || values.iter().any(|value| is_cut(value)) {
                return Ok(None);
            }
            found.extend(values.into_iter().filter(|value| matches(value, pattern)));
        }
        Ok(Some(Comparison {
            field: comparison.field.clone(),
            op: Op::InText(Membership::In, found.into_iter().collect()),
        }))
    }
}

/// Tells whether the index may hold only the beginning of the value.
fn is_cut(prefix: &str) -> bool {
    prefix.chars().count() >= PREFIX
}

/// Reads the first different values of a key, one more than are looked through.
fn first_values(
    tx: &mut Tx<'_>,
    keyed: &Keyed,
    experiment_id: i64,
    key_id: i64,
) -> Result<Vec<String>> {
    let next = format!(
        "select min(substr(x.value, 1, {PREFIX})) from {} x
         where x.experiment_id = $1 and x.key_id = $2",
        keyed.table
    );
    let sql = format!(
        "with recursive v (prefix) as (
             {next}
             union all
             select ({next} and substr(x.value, 1, {PREFIX}) > v.prefix) from v
             where v.prefix is not null
         )
         select prefix from v where prefix is not null limit $3"
    );
    let limit = FEW_VALUES as i64 + 1;
    tx.query(&sql, crate::params![experiment_id, key_id, limit], |row| {
        row.get(0)
    })
}
