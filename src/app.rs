//! What every request and job shares: the database, the clock and the makers of ids.

pub use crate::ctx::{Clock, Ctx, Ids};

use crate::artifacts::{LocationPolicy, Shelf, Spot};
use crate::audit::key::Key;
use crate::audit::log;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::events;
use crate::events::send::Sender;
use crate::jobs::figures::Figures;
use crate::jobs::follow::Followers;
use crate::jobs::ready::Lookout;
use crate::jobs::sighting::Sightings;
use crate::jobs::stream::Streams;
use crate::metrics::Metrics;
use crate::registry::policy::Policy;
use crate::replicas::{Claim, Claims, Leases};
use crate::traces::Traces;
use crate::tracking::rule::LongValues;
use regex::Regex;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The state behind every handler. Each layer of a request takes a clone, which counts one
/// reference.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What the state is made of.
#[derive(Clone)]
pub struct Parts {
    pub db: Db,
    pub artifacts: Shelf,
    pub clock: Clock,
    pub ids: Ids,
    /// Sends webhooks.
    pub sender: Sender,
    /// Requests that wait for the registry to change.
    pub followers: Followers,
    /// Streams of what changes.
    pub streams: Streams,
    /// Who asked where a URI leads, as far as it is not written down yet.
    pub sightings: Sightings,
    pub settings: Arc<Settings>,
    /// What is counted and measured.
    pub metrics: Metrics,
    /// Makes spans, if they are wanted.
    pub traces: Traces,
    /// What is looked up for the page of metrics.
    pub figures: Figures,
    /// Whether the server can serve.
    pub lookout: Lookout,
    /// Signs the heads of the audit log.
    pub audit_key: Key,
    /// Which jobs this server does.
    pub leases: Leases,
    /// Which files this server is changing.
    pub claims: Claims,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl From<Parts> for App {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl App {
    /// Gives the state with a handle on the database for the server's own work.
    pub fn for_own_work(&self) -> Self {
        Self::from(Parts {
            db: self.db.for_own_work(),
            ..Parts::clone(self)
        })
    }

    /// Waits until nobody else, at this server or another, is changing the spot, what is below it,
    /// or a folder above it.
    ///
    /// # Errors
    /// 503 when somebody holds it for too long, or the database cannot be reached.
    pub async fn claim(&self, spot: &Spot) -> Result<Claim> {
        let local = self.artifacts.claim(spot).await;
        self.claims.join(spot, local).await
    }

    /// Runs `work` as one write transaction, and appends the audit entry of the request in it.
    pub async fn change<T, F>(&self, ctx: Ctx, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>, &Ctx) -> Result<T> + Send + 'static,
    {
        self.db
            .write(move |tx| {
                let done = work(tx, &ctx)?;
                log::append_done(tx, &ctx)?;
                Ok(done)
            })
            .await
    }
}

/// The settings that handlers and domain functions read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What to do with a param or tag value that is too long.
    pub long_values: LongValues,
    /// Where the files of an experiment go that names no place of its own.
    pub artifact_root: String,
    /// Where an experiment may put its files.
    pub location_policy: LocationPolicy,
    /// What the source of a new model version must match; `None` for anything.
    pub source_pattern: Option<Regex>,
    /// How long a report of a consumer counts, in milliseconds.
    pub consumer_stale_after_ms: i64,
    /// How long what consumers say and ask is kept, in milliseconds.
    pub consumer_kept_ms: i64,
    /// The aliases of the version in production, the one that decides first.
    pub production_aliases: Vec<String>,
    /// How stages and aliases belong together.
    pub stages: Policy,
    /// How long a version may be in Production before it is aged, in milliseconds; 0 for ever.
    pub production_max_age_ms: i64,
    pub graphql: GraphqlLimits,
    /// The largest JSON body that is read, in bytes.
    pub max_json_bytes: usize,
    /// Whether everything but artifacts is switched off.
    pub only_artifacts: bool,
    /// The folders whose disks are watched, and what is in each.
    pub disks: Vec<(&'static str, PathBuf)>,
    /// Free space of these disks below which the server is not ready, in bytes.
    pub min_free_bytes: u64,
    /// Whether the main port has the page of metrics.
    pub serves_metrics: bool,
    /// Whether each request gets a line in the log.
    pub access_log: bool,
    /// How long a client may fetch a file by a URL that the server signed.
    pub presigned_download: Duration,
    /// How long a client may send the parts of a file by such URLs.
    pub part_url: Duration,
    /// The age, in milliseconds, at which an unfinished upload in parts is thrown away.
    pub abandoned_upload_ms: i64,
    /// How events are delivered.
    pub events: events::Settings,
}

/// How much one GraphQL document may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphqlLimits {
    /// Fields of all its operations together.
    pub max_root_fields: usize,
    /// Fields of one selection that are given another name.
    pub max_aliases: usize,
}
