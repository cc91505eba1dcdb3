//! Interned names: a metric, param or tag key is stored once and referred to by its id.
//!
//! The cache holds committed ids only. Keys are never changed or deleted, so an entry of the cache
//! can never be wrong; it is bounded, and losing it costs a query.

use super::{Insert, Tx, Value, placeholders};
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// Names kept in memory at the most, about 100 bytes each.
const CACHE_CAPACITY: usize = 200_000;
/// Names looked up in one statement.
const CHUNK: usize = 500;

#[derive(Default, Clone)]
pub struct KeyCache {
    ids: Arc<RwLock<HashMap<String, i64>>>,
}

impl KeyCache {
    fn find(&self, name: &str) -> Option<i64> {
        self.ids
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .copied()
    }

    /// Forgets everything, so that it is looked up again.
    pub(super) fn forget(&self) {
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        ids.clear();
    }

    fn remember(&self, found: &[(String, i64)]) {
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        if ids.len() + found.len() > CACHE_CAPACITY {
            ids.clear();
        }
        ids.extend(found.iter().cloned());
    }
}

impl Tx<'_> {
    /// Gives the ids of key names, in their order, and creates the missing ones.
    ///
    /// Who interns several groups of names in one transaction interns all of them first: two
    /// transactions that create the same names in another order would wait for each other.
    pub fn intern_keys(&mut self, names: &[&str]) -> Result<Vec<i64>> {
        let cached: Vec<_> = names.iter().map(|name| self.cached(name)).collect();
        let missing: BTreeSet<&str> = names
            .iter()
            .zip(&cached)
            .filter(|(_, id)| id.is_none())
            .map(|(name, _)| *name)
            .collect();
        if missing.is_empty() {
            return Ok(cached.into_iter().flatten().collect());
        }
        let missing: Vec<&str> = missing.into_iter().collect();
        let mut known = self.stored_keys(&missing)?;
        let new: Vec<&str> = missing
            .into_iter()
            .filter(|name| !known.contains_key(*name))
            .collect();
        if !new.is_empty() {
            let insert = Insert {
                table: "keys",
                columns: &["name"],
                conflict: "on conflict do nothing",
            };
            self.insert_many(&insert, new.iter().map(|name| [Value::from(*name)]))?;
            known.extend(self.stored_keys(&new)?);
        }
        self.interned()
            .extend(known.iter().map(|(name, id)| (name.clone(), *id)));
        let found: Vec<_> = known.iter().map(|(name, id)| (name.clone(), *id)).collect();
        let cache = self.keys().clone();
        self.on_commit(move || cache.remember(&found));
        names
            .iter()
            .zip(cached)
            .map(|(name, id)| id.or_else(|| known.get(*name).copied()))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::internal("A key that was just stored cannot be found."))
    }

    /// Gives the id of a key name, or nothing when no such key was ever logged.
    pub fn find_key(&mut self, name: &str) -> Result<Option<i64>> {
        match self.cached(name) {
            Some(id) => Ok(Some(id)),
            None => Ok(self.stored_keys(&[name])?.remove(name)),
        }
    }

    fn cached(&mut self, name: &str) -> Option<i64> {
        let here = self.interned().get(name).copied();
        here.or_else(|| self.keys().find(name))
    }

    fn stored_keys(&mut self, names: &[&str]) -> Result<HashMap<String, i64>> {
        let mut found = HashMap::new();
        for chunk in names.chunks(CHUNK) {
            let sql = format!(
                "select name, id from keys where name in ({}) order by name",
                placeholders(1, chunk.len())
            );
            let params: Vec<_> = chunk.iter().map(|name| Value::from(*name)).collect();
            found.extend(self.query(&sql, &params, |row| Ok((row.get(0)?, row.get(1)?)))?);
        }
        Ok(found)
    }
}
