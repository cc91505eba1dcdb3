//! Checks a log, entry by entry: each against its hash and its columns, the whole against the
//! signed heads.
//!
//! It computes every hash itself. It reads neither a database nor a network, so that a client and
//! the server's own command check in the same way.

use super::checkpoint::{Head, SignedHead};
use super::entry::Entry;
use super::key::PublicKey;
use super::log::Record;
use super::tree::{self, Frontier, Hash, Place};
use crate::error::Result;
use std::collections::BTreeMap;

/// Something that is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The entry it is about, counted from 0; `None` for the log as a whole.
    pub position: Option<u64>,
    pub what: String,
}

/// A check under way: heads first, then all entries in their order, then `finish`.
pub struct Check {
    keys: Vec<PublicKey>,
    heads: BTreeMap<u64, Head>,
    frontier: Frontier,
    /// The size at which a root last agreed with a head.
    vouched: u64,
    /// Whether a root has disagreed; what follows would disagree for the same reason.
    diverged: bool,
    next: u64,
    findings: Vec<Finding>,
}

/// What a finished check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many entries were checked.
    pub entries: u64,
    /// How many signed heads were checked.
    pub heads: usize,
    /// How many entries the last good head vouches for.
    pub vouched: u64,
    pub root: Hash,
    pub findings: Vec<Finding>,
}

impl Check {
    /// Begins a check with the keys that may have signed heads.
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self {
            keys,
            heads: BTreeMap::new(),
            frontier: Frontier::default(),
            vouched: 0,
            diverged: false,
            next: 0,
            findings: Vec::new(),
        }
    }

    fn find(&mut self, position: Option<u64>, what: impl Into<String>) {
        self.findings.push(Finding {
            position,
            what: what.into(),
        });
    }

    /// Takes a signed head that the log must agree with.
    pub fn head(&mut self, signed: &SignedHead) {
        match Head::open(&signed.note, &self.keys) {
            Ok(head) if head.size == signed.size => {
                self.heads.insert(head.size, head);
            }
            Ok(head) => self.find(
                None,
                format!(
                    "a signed head of {} entries stands where one of {} should",
                    head.size, signed.size
                ),
            ),
            Err(error) => self.find(
                None,
                format!(
                    "the signed head of {} entries: {}",
                    signed.size, error.message
                ),
            ),
        }
    }

    /// Takes the next entry; gives the subtrees that it completes.
    pub fn entry(&mut self, record: &Record) -> Vec<(Place, Hash)> {
        while self.next < record.position && self.findings.len() < 1_000 {
            self.find(Some(self.next), "the entry is missing");
            self.next += 1;
        }
        let position = record.position;
        self.next = position + 1;
        let computed = tree::leaf_hash(record.leaf.as_bytes());
        if record.leaf_hash != computed {
            self.find(
                Some(position),
                "the entry is not the one that was written: its hash is another",
            );
        }
        if let Err(what) = agrees(record) {
            self.find(Some(position), what);
        }
        // With the stored hash, one changed entry does not make all later heads disagree.
        let leaf = Hash::try_from(record.leaf_hash.as_slice()).unwrap_or(computed);
        let completed = self.frontier.push(leaf);
        if let Some(head) = self.heads.get(&self.frontier.size()).cloned() {
            self.compare(&head);
        }
        completed
    }

    fn compare(&mut self, head: &Head) {
        if self.diverged {
            return;
        }
        if head.root == self.frontier.root() {
            self.vouched = head.size;
            return;
        }
        self.diverged = true;
        let (first, last) = (self.vouched, head.size - 1);
        self.find(
            Some(first),
            format!(
                "between entry {first} and entry {last} something was changed, added or removed: \
                 the root is not the one that was signed"
            ),
        );
    }

    /// Gives the tree that the entries so far lead to.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Adds what was found outside, such as in the hashes of subtrees.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Ends the check of a log that says it has `size` entries.
    pub fn finish(mut self, size: u64) -> Report {
        let read = self.frontier.size();
        if read != size {
            self.find(
                Some(read.min(size)),
                format!("the log says it has {size} entries, and {read} are there"),
            );
        }
        let beyond = self.heads.keys().next_back().copied().unwrap_or(0);
        if beyond > read {
            self.find(
                Some(read),
                format!("entries are missing at the end: a head was signed over {beyond}"),
            );
        }
        self.findings.sort_by_key(|finding| finding.position);
        Report {
            entries: read,
            heads: self.heads.len(),
            vouched: self.vouched,
            root: self.frontier.root(),
            findings: self.findings,
        }
    }
}

/// Says where the columns of a record do not repeat what stands in its entry.
fn agrees(record: &Record) -> Result<(), String> {
    let entry: Entry = serde_json::from_str(&record.leaf)
        .map_err(|error| format!("the entry cannot be read: {error}"))?;
    let texts = [
        ("actor", &record.actor, entry.actor.as_str()),
        ("action", &record.action, &entry.action),
        ("object", &record.object, &entry.object),
        ("result", &record.result, entry.result.name()),
        ("request_id", &record.request_id, &entry.request_id),
    ];
    for (column, stored, said) in texts {
        if stored != said {
            return Err(format!(
                "the column {column} says '{stored}' and the entry '{said}'"
            ));
        }
    }
    match record.at {
        Some(at) if at == entry.at => Ok(()),
        Some(at) => Err(format!(
            "the column at says {at} and the entry {}",
            entry.at
        )),
        None => Err(format!(
            "the column at holds no number and the entry says {}",
            entry.at
        )),
    }
}

/// Says whether a log that has grown still begins with what an earlier head vouched for.
pub fn is_continued(old: &Head, new: &Head, proof: &[Hash]) -> bool {
    old.origin == new.origin
        && tree::is_consistent((old.size, &old.root), (new.size, &new.root), proof)
}
