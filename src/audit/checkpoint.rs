//! Signed tree heads: what the log was at one moment, vouched for by the server's key.
//!
//! A head is a checkpoint as C2SP's `tlog-checkpoint` writes it, signed with Ed25519 as a
//! `signed-note`: origin, size and root, an empty line, and a line with the signature. The private
//! key stands in a file and never in the database, so that who can write to the database alone
//! cannot sign another history.

use super::entry::Entry;
use super::key::{Key, PublicKey};
use super::log;
use super::note::Change;
use super::tree::{self, Hash};
use crate::ctx::Ctx;
use crate::db::{AsFound, Row, Tx};
use crate::error::{Error, Result};
use crate::params;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a head says, without its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    pub root: Hash,
}

impl Head {
    fn text(&self) -> String {
        let root = STANDARD.encode(self.root);
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    /// Writes the head as a signed note.
    pub fn sign(&self, key: &Key) -> String {
        let text = self.text();
        let mut signature = key.public().hint(&self.origin).to_vec();
        signature.extend_from_slice(&key.sign(text.as_bytes()));
        let signature = STANDARD.encode(signature);
        format!("{text}\n\u{2014} {} {signature}\n", self.origin)
    }

    /// Reads a signed note and gives what it says, if one of `keys` signed it.
    ///
    /// # Errors
    /// 400 that says what is wrong with the note.
    pub fn open(note: &str, keys: &[PublicKey]) -> Result<Self> {
        let (head, signatures) = Self::parse(note)?;
        let text = head.text();
        let signed = keys.iter().any(|key| {
            let hint = key.hint(&head.origin);
            signatures.iter().any(|signature| {
                signature
                    .strip_prefix(&hint)
                    .is_some_and(|bytes| key.signed(text.as_bytes(), bytes))
            })
        });
        match signed {
            true => Ok(head),
            false => Err(Error::invalid(
                "No known key signed the checkpoint, or it was changed after it was signed.",
            )),
        }
    }

    /// Reads a signed note without checking who signed it: for showing it, not for trusting it.
    ///
    /// # Errors
    /// 400 for a text that is no checkpoint.
    pub fn read_unchecked(note: &str) -> Result<Self> {
        Ok(Self::parse(note)?.0)
    }

    fn parse(note: &str) -> Result<(Self, Vec<Vec<u8>>)> {
        let broken = || {
            Error::invalid(
                "The text is no checkpoint: it has the origin, the size, the root in base64, an \
                 empty line and the signatures.",
            )
        };
        let (text, signatures) = note.split_once("\n\n").ok_or_else(broken)?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(broken());
        };
        let root = STANDARD.decode(root).map_err(|_| broken())?;
        let head = Self {
            origin: origin.to_owned(),
            size: size.parse().map_err(|_| broken())?,
            root: root.try_into().map_err(|_| broken())?,
        };
        let signatures = signatures
            .lines()
            .filter_map(|line| line.strip_prefix("\u{2014} ")?.rsplit_once(' '))
            .filter(|(name, _)| *name == head.origin)
            .filter_map(|(_, signature)| STANDARD.decode(signature).ok())
            .collect();
        Ok((head, signatures))
    }
}

/// A head as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    pub size: u64,
    /// When it was signed, in milliseconds since 1970.
    pub at: i64,
    pub note: String,
}

/// Reads a head; what is damaged in it shows when its signature is checked.
fn from_row(row: &Row<'_>) -> Result<SignedHead> {
    Ok(SignedHead {
        size: row.get::<i64>(0)? as u64,
        at: row.get::<AsFound<i64>>(1)?.0.unwrap_or_default(),
        note: row.get::<AsFound<String>>(2)?.0.unwrap_or_default(),
    })
}

/// Finds the newest head.
pub fn newest(tx: &mut Tx<'_>) -> Result<Option<SignedHead>> {
    tx.query_optional(
        "select size, at, note from audit_heads where size <= $1 order by size desc limit 1",
        params![i64::MAX],
        from_row,
    )
}

/// Reads at most `count` heads of at least `size` entries, the smallest first.
pub fn read(tx: &mut Tx<'_>, size: u64, count: u64) -> Result<Vec<SignedHead>> {
    // Behind the highest number of a column there is no further one.
    let Ok(size) = i64::try_from(size) else {
        return Ok(Vec::new());
    };
    tx.query(
        "select size, at, note from audit_heads where size >= $1 and size <= $3
         order by size limit $2",
        params![size, count as i64, i64::MAX],
        from_row,
    )
}

/// Says whether the log has entries that no head vouches for.
pub fn is_due(tx: &mut Tx<'_>) -> Result<bool> {
    let size = log::state(tx)?.frontier.size();
    Ok(newest(tx)?.is_none_or(|head| head.size < size))
}

/// Gives the head of the log as it is, if it was signed. The signature is made once more, and is the
/// same, so that a stored one that was damaged keeps nobody from checking the log.
pub fn standing(tx: &mut Tx<'_>, key: &Key) -> Result<Option<SignedHead>> {
    let size = log::state(tx)?.frontier.size();
    match newest(tx)?.filter(|head| head.size == size) {
        Some(stored) => signed_now(tx, stored.at, key).map(Some),
        None => Ok(None),
    }
}

fn signed_now(tx: &mut Tx<'_>, at: i64, key: &Key) -> Result<SignedHead> {
    let state = log::state(tx)?;
    let head = Head {
        origin: state.origin,
        size: state.frontier.size(),
        root: state.frontier.root(),
    };
    Ok(SignedHead {
        size: head.size,
        at,
        note: head.sign(key),
    })
}

/// Signs the log as it is, unless that was done, and gives the head.
pub fn sign(tx: &mut Tx<'_>, now: i64, key: &Key) -> Result<SignedHead> {
    if let Some(head) = standing(tx, key)? {
        return Ok(head);
    }
    let signed = signed_now(tx, now, key)?;
    // Two replicas may sign the same tree; one of the two signatures is enough.
    tx.send(
        "insert into audit_heads (size, at, note) values ($1, $2, $3) on conflict do nothing",
        params![signed.size as i64, signed.at, &signed.note],
    )?;
    Ok(signed)
}

/// Remembers a key, and says in the log that it signs from now on.
pub fn introduce(tx: &mut Tx<'_>, ctx: &Ctx, key: &PublicKey) -> Result<()> {
    let fingerprint = key.fingerprint();
    let added = tx.execute(
        "insert into audit_keys (fingerprint, public_key, since) values ($1, $2, $3)
         on conflict (fingerprint) do nothing",
        params![&fingerprint, key.to_pem()?, ctx.now],
    )?;
    if added == 0 {
        return Ok(());
    }
    let object = format!("audit_key:{fingerprint}");
    Change::of(&object, "audit_key_introduced").note(tx);
    let changes = tx.take_notes();
    log::append(tx, &Entry::of_server(ctx, "audit.introduce_key", changes))
}

/// Lists the keys that ever signed a head, the newest first, in PEM.
pub fn keys(tx: &mut Tx<'_>) -> Result<Vec<String>> {
    tx.query(
        "select public_key from audit_keys order by since desc, fingerprint limit 1000",
        &[],
        |row| row.get(0),
    )
}

/// Finds the root of the log when it had `size` entries.
pub fn root_at(tx: &mut Tx<'_>, size: u64) -> Result<Hash> {
    tree::root_at(size, &mut |place| log::find_node(tx, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(size: u64) -> Head {
        Head {
            origin: "trackway/test".into(),
            size,
            root: tree::leaf_hash(b"one"),
        }
    }

    #[test]
    fn a_signed_head_opens_with_its_key_alone() {
        let (key, other) = (Key::generate(), Key::generate());
        let note = head(7).sign(&key);
        let keys = [other.public(), key.public()];
        assert_eq!(Head::open(&note, &keys).unwrap(), head(7));
        assert!(Head::open(&note, &[other.public()]).is_err());
        assert!(Head::open(&note, &[]).is_err());
    }

    #[test]
    fn a_changed_head_does_not_open() {
        let key = Key::generate();
        let note = head(7).sign(&key);
        for changed in [
            note.replacen("7", "8", 1),
            note.replacen("test", "next", 1),
            note.replacen("\n\n", "\n", 1),
            note.replacen("\n\n", "\nmore\n\n", 1),
            String::new(),
        ] {
            assert!(Head::open(&changed, &[key.public()]).is_err(), "{changed}");
        }
    }
}
