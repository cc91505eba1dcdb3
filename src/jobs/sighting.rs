//! Remembers which consumers asked where a URI leads, until a job writes it down.
//!
//! A resolution must not wait for a write, so what was seen since the last turn of the job is lost
//! when the process is killed. What is kept is bounded, whatever names the requests give.

use crate::db::Db;
use crate::error::Result;
use crate::registry::resolution::{self, Sighting, Times};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Different sightings that are remembered between two turns; more are dropped.
const MAX_REMEMBERED: usize = 10_000;

/// What was seen and is not written down yet; cheap to clone.
#[derive(Clone, Default)]
pub struct Sightings(Arc<Mutex<BTreeMap<Sighting, Times>>>);

impl Sightings {
    /// Remembers that a consumer was told a version.
    pub fn note(&self, sighting: Sighting, at: i64) {
        self.join(sighting, Times::once(at));
    }

    fn join(&self, sighting: Sighting, times: Times) {
        let mut seen = self.seen();
        let has_room = seen.len() < MAX_REMEMBERED;
        match seen.entry(sighting) {
            Entry::Occupied(mut known) => {
                let joined = known.get().and(times);
                known.insert(joined);
            }
            Entry::Vacant(new) if has_room => {
                new.insert(times);
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Writes down what was seen, and gives how much that was; what cannot be written is kept.
    pub async fn flush(&self, db: &Db) -> Result<usize> {
        let seen = Arc::new(std::mem::take(&mut *self.seen()));
        if seen.is_empty() {
            return Ok(0);
        }
        let written = seen.clone();
        let outcome = db.write(move |tx| resolution::add(tx, &written)).await;
        if let Err(error) = outcome {
            for (sighting, times) in seen.iter() {
                self.join(sighting.clone(), *times);
            }
            return Err(error);
        }
        Ok(seen.len())
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<Sighting, Times>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(consumer: &str) -> Sighting {
        Sighting {
            model: "m".into(),
            consumer: consumer.into(),
            uri: "models:/m/1".into(),
            version: 1,
        }
    }

    #[test]
    fn what_is_seen_twice_is_counted() {
        let sightings = Sightings::default();
        sightings.note(sighting("a"), 20);
        sightings.note(sighting("a"), 10);
        let times = Times {
            first_at: 10,
            last_at: 20,
            count: 2,
        };
        assert_eq!(sightings.seen().get(&sighting("a")), Some(&times));
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let sightings = Sightings::default();
        for number in 0..MAX_REMEMBERED + 10 {
            sightings.note(sighting(&number.to_string()), 1);
        }
        sightings.note(sighting("0"), 2);
        assert_eq!(sightings.seen().len(), MAX_REMEMBERED);
        assert_eq!(sightings.seen().get(&sighting("0")).unwrap().count, 2);
    }
}
