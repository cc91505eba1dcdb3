//! Reads two versions to be compared; the comparison itself needs no database.

use super::{Diff, Side, diff};
use crate::db::Tx;
use crate::error::Result;
use crate::registry::facts::{self, Entry, Facts};
use crate::registry::manifest::{self, FileDigest};
use crate::registry::named::{self, Named};
use crate::registry::version::Version;

/// A version with all that is compared of it.
#[derive(Debug)]
pub struct Compared {
    pub version: Version,
    pub facts: Facts,
    /// `None` where the server does not know the files.
    pub files: Option<Vec<FileDigest>>,
    tags: Vec<Entry>,
    label: String,
}

impl Compared {
    /// Finds a version and what was taken down when it was created.
    ///
    /// # Errors
    /// 404 for a version that is not there and for one that is older than its facts could be; 400
    /// for an alias that is not set.
    pub fn find(tx: &mut Tx<'_>, named: &Named) -> Result<Self> {
        let version = named::find(tx, named)?;
        let facts = facts::store::of(tx, &version)?;
        let is_known = manifest::digest(tx, version.id)?.is_some();
        let files = match is_known {
            true => Some(manifest::files(tx, version.id)?),
            false => None,
        };
        let tags = version.tags.iter().map(|tag| Entry {
            key: tag.key.clone(),
            value: tag.value.clone(),
        });
        Ok(Self {
            tags: tags.collect(),
            label: format!("{}/{}", version.model_name, version.number),
            facts,
            files,
            version,
        })
    }

    fn side(&self) -> Side<'_> {
        Side {
            label: &self.label,
            facts: &self.facts,
            files: self.files.as_deref(),
            version_tags: &self.tags,
        }
    }
}

/// Says what differs from one version to another.
pub fn compare(a: &Compared, b: &Compared) -> Diff {
    diff(&a.side(), &b.side())
}
