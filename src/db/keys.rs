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
    known: Arc<RwLock<Known>>,
}

/// The same keys in both directions.
#[derive(Default)]
struct Known {
    /// Each point of a batch is looked up here.
    ids: foldhash::HashMap<Arc<str>, i64>,
    names: HashMap<i64, Arc<str>>,
}

impl KeyCache {
    fn find(&self, name: &str) -> Option<i64> {
        self.read(|known| known.ids.get(name).copied())
    }

    /// Forgets everything, so that it is looked up again.
    pub(super) fn forget(&self) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known::default();
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn remember(&self, found: &[(Arc<str>, i64)]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.ids.len() + found.len() > CACHE_CAPACITY {
            *known = Known::default();
        }
        for (name, id) in found {
            known.ids.insert(name.clone(), *id);
            known.names.insert(*id, name.clone());
        }
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
            self.send_many(&insert, new.iter().map(|name| [Value::from(*name)]))?;
            known.extend(self.stored_keys(&new)?);
        }
        self.interned()
            .extend(known.iter().map(|(name, id)| (name.clone(), *id)));
        let found = known.iter().map(|(name, id)| (name.as_str().into(), *id));
        self.remember_keys(found.collect());
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

    /// Gives the names of keys by their ids.
    pub fn key_names(&mut self, ids: &[i64]) -> Result<HashMap<i64, Arc<str>>> {
        let mut names = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        self.keys().read(|known| {
            for id in ids {
                match known.names.get(id) {
                    Some(name) => drop(names.insert(*id, name.clone())),
                    None => missing.push(*id),
                }
            }
        });
        let mut found: Vec<(Arc<str>, i64)> = Vec::new();
        for chunk in missing.chunks(CHUNK) {
            let sql = format!(
                "select name, id from keys where id in ({}) order by id",
                placeholders(1, chunk.len())
            );
            let params: Vec<_> = chunk.iter().map(|id| Value::Int(*id)).collect();
            found.extend(self.query(&sql, &params, |row| {
                Ok((Arc::from(row.get::<String>(0)?), row.get::<i64>(1)?))
            })?);
        }
        names.extend(found.iter().map(|(name, id)| (*id, name.clone())));
        if !found.is_empty() {
            self.remember_keys(found);
        }
        Ok(names)
    }

    fn remember_keys(&mut self, found: Vec<(Arc<str>, i64)>) {
        let cache = self.keys().clone();
        self.on_commit(move || cache.remember(&found));
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
