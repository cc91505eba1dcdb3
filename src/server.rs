//! Puts the server together, serves until the process is told to stop, and stops it in order:
//! no new requests, the ones under way, the jobs, the database.

use crate::app::{App, Clock, Ctx, GraphqlLimits, Ids, Parts, Settings};
use crate::artifacts::{Access, ArtifactStore, LocationPolicy, Shelf, Stores};
use crate::audit::key::Key;
use crate::audit::{checkpoint, log};
use crate::config::Config;
use crate::config::location::Destination;
use crate::db::{Db, Options};
use crate::error::{Error, Result};
use crate::events;
use crate::events::send::{Rules, Sender};
use crate::http::connection::{self, Limits};
use crate::http::{health, router};
use crate::jobs::Jobs;
use crate::jobs::figures::Figures;
use crate::jobs::follow::Followers;
use crate::jobs::ready::Lookout;
use crate::jobs::sighting::Sightings;
use crate::jobs::stream::Streams;
use crate::metrics::Metrics;
use crate::registry::policy::Policy;
use crate::replicas::{self, Claims, Leases};
use crate::traces::Traces;
use crate::tracking::experiment;
use crate::tracking::rule::LongValues;
use regex::Regex;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// Opens everything that requests need, and brings the schema up to date.
pub async fn open(config: &Config, clock: Clock, ids: Ids) -> Result<App> {
    let db = Db::open(config.database_options()?)
        .await?
        .with_limits(config.database_limits());
    let db = match config.standby_options()? {
        Some(standby) => db.with_standby(standby)?,
        None => db,
    };
    let metrics = Metrics::new(db.figures())?;
    let report = db.migrate().await?;
    for step in &report.newly_applied {
        tracing::info!(step, "applied a schema step");
    }
    let artifacts = shelf(config)?;
    let destination = config.artifact_destination()?.to_string();
    let artifact_root = config.artifact_root()?.uri().to_owned();
    let mut trusted = vec![artifact_root.clone(), destination];
    trusted.extend(config.artifacts.allowed_stores.iter().cloned());
    let (now, root) = (clock.now(), artifact_root.clone());
    let audit_key = Key::open_or_create(&config.audit_key_path()?)?;
    let (public_key, ctx) = (audit_key.public(), Ctx::of_server("start", now));
    // The log is named once and for all, by a name that no other log has.
    let origin = format!("trackway/{}", uuid::Uuid::new_v4().simple());
    db.write(move |tx| {
        experiment::ensure_default(tx, now, &root)?;
        log::ensure(tx, &origin)?;
        checkpoint::introduce(tx, &ctx, &public_key)
    })
    .await?;
    let owner = replicas::name();
    Ok(App::from(Parts {
        followers: Followers::new(db.for_own_work()),
        leases: Leases::new(db.for_own_work(), owner.clone(), metrics.leases.clone()),
        claims: Claims::new(db.for_own_work(), owner),
        streams: Streams::new(db.for_own_work(), clock.clone()),
        sightings: Sightings::default(),
        traces: Traces::start(config.traces.options()?, metrics.traces.clone()),
        metrics,
        figures: Figures::default(),
        lookout: Lookout::default(),
        db,
        artifacts,
        clock,
        ids,
        audit_key,
        sender: Sender::new(Rules::from_config(&config.webhooks)?)?,
        settings: Arc::new(settings(config, trusted, artifact_root)?),
    }))
}

/// Gives what handlers and domain functions read of the configuration; `trusted` are the places of files
/// that the operator named.
fn settings(config: &Config, trusted: Vec<String>, artifact_root: String) -> Result<Settings> {
    Ok(Settings {
        long_values: match config.tracking.truncate_long_values {
            true => LongValues::Truncate,
            false => LongValues::Refuse,
        },
        location_policy: LocationPolicy {
            max_length: config.artifacts.location_max_length,
            allowed_schemes: config.artifacts.allowed_host_schemes.clone(),
            trusted,
            working_directory: std::env::current_dir().map_err(|error| {
                Error::internal("The working directory cannot be read.").with_cause(error)
            })?,
        },
        artifact_root,
        production_aliases: config.registry.production_aliases.clone(),
        source_pattern: source_pattern(&config.registry.source_regex)?,
        consumer_stale_after_ms: config.registry.consumer_stale_after_s * 1000,
        consumer_kept_ms: config.registry.consumer_kept_days * 86_400_000,
        stages: Policy::from_config(&config.registry)?,
        production_max_age_ms: config.registry.production_max_age_days * 86_400_000,
        graphql: GraphqlLimits {
            max_root_fields: config.server.graphql_max_root_fields,
            max_aliases: config.server.graphql_max_aliases,
        },
        max_json_bytes: config.max_json_bytes(),
        only_artifacts: config.artifacts.only,
        disks: disks(config)?,
        serves_metrics: config.server.metrics && config.server.metrics_listen.is_empty(),
        access_log: config.log.access,
        min_free_bytes: config.server.min_free_disk_mib.saturating_mul(1024 * 1024),
        presigned_download: Duration::from_secs(config.artifacts.presigned_download_s),
        part_url: Duration::from_secs(config.artifacts.part_url_s),
        abandoned_upload_ms: i64::from(config.artifacts.abandoned_upload_h) * HOUR_MS,
        events: event_settings(config)?,
    })
}

/// Gives the folders that the server writes to, and what is in each.
fn disks(config: &Config) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut disks = Vec::new();
    if let Options::Sqlite(options) = config.database_options()? {
        disks.push(("database", options.path));
    }
    if config.artifacts.serve
        && let Destination::Local(path) = config.artifact_destination()?
    {
        disks.push(("artifacts", path));
    }
    Ok(disks)
}

/// Opens the stores of artifacts that the configuration names.
fn shelf(config: &Config) -> Result<Shelf> {
    let timeout = Duration::from_secs(config.artifacts.store_timeout_s);
    let access = Access::of_process(timeout, config.artifacts.instance_credentials);
    let account = access.azure_account();
    let destination = match config.artifact_destination()? {
        Destination::Store(url) => Destination::Store(url.in_account(&account)),
        local => local,
    };
    let (store, own) = match (config.artifacts.serve, &destination) {
        (false, _) => (None, None),
        (true, Destination::Local(_)) => (Some(ArtifactStore::open(&destination, &access)?), None),
        (true, Destination::Store(url)) => {
            let store = ArtifactStore::open(&destination, &access)?;
            (Some(store), Some(url.clone()))
        }
    };
    let mut stores = Stores::new(own, &access);
    for url in config.allowed_stores()? {
        stores.allow(url, &access)?;
    }
    if let Some(url) = config.default_store()? {
        // Clients may reach it all the same.
        if let Err(error) = stores.allow(url, &access) {
            tracing::warn!("the server does not reach artifacts.default_root: {error}");
        }
    }
    Ok(Shelf::new(store, config.local_roots()?).with_stores(stores))
}

fn event_settings(config: &Config) -> Result<events::Settings> {
    let webhooks = &config.webhooks;
    Ok(events::Settings {
        vault: events::seal::Vault::new(&webhooks.secret_key)?,
        policy: events::schedule::Policy {
            quick_retries: i64::from(webhooks.quick_retries),
            keep_trying_ms: i64::from(webhooks.retry_for_h) * HOUR_MS,
        },
        workers: webhooks.workers,
        keep_ms: i64::from(webhooks.keep_days) * 24 * HOUR_MS,
        public_url: config.server.public_url.trim_end_matches('/').to_owned(),
    })
}

fn source_pattern(text: &str) -> Result<Option<Regex>> {
    if text.is_empty() {
        return Ok(None);
    }
    Regex::new(text).map(Some).map_err(|error| {
        Error::invalid("The value of registry.source_regex is no regular expression.")
            .with_cause(error)
    })
}

/// Serves until the process gets SIGINT or SIGTERM.
pub async fn run(config: Config) -> Result<()> {
    let app = open(&config, Clock::system(), Ids::random()).await?;
    // A server that is alone has its jobs from the first moment; of several, each has what is free.
    if let Err(error) = app.leases.look().await {
        tracing::warn!("leases could not be taken yet: {error}");
    }
    let jobs = Jobs::start(&app, &config.tracking);
    let service = router::service(app.clone(), &config.server);
    let listener = listen(&config).await?;
    let address = listener
        .local_addr()
        .map_err(|error| cannot_listen(&config, error))?;
    let apart = serve_apart(&config, &app).await?;
    announce(&config, address);
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let bounds = (Limits::new(&config.server), app.metrics.http.clone());
    let served = tokio::spawn(connection::serve(listener, service, bounds, stopping));
    wait_for_signal().await?;
    app.lookout.stop();
    drain(&config).await?;
    tracing::info!("stopping: finishing the requests under way");
    stop.cancel();
    app.followers.stop();
    app.streams.stop();
    if tokio::time::timeout(config.shutdown_grace(), served)
        .await
        .is_err()
    {
        tracing::warn!(
            "requests were still under way after server.shutdown_grace_s; dropping them"
        );
    }
    jobs.stop().await;
    apart.abort();
    app.sightings.flush(&app.db).await?;
    app.db.close().await?;
    app.traces.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Serves metrics and health on an address of their own, if one is named, until the process ends.
async fn serve_apart(config: &Config, app: &App) -> Result<JoinHandle<()>> {
    let address = config.server.metrics_listen.as_str();
    if address.is_empty() || !config.server.metrics {
        return Ok(tokio::spawn(async {}));
    }
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Error::unavailable(format!(
            "The server cannot serve metrics on {address}: {error}. Choose another address by \
             server.metrics_listen."
        ))
    })?;
    tracing::info!(address, "serving metrics apart");
    let bounds = (Limits::new(&config.server), app.metrics.http.clone());
    let service = health::apart(app.clone());
    let never = CancellationToken::new();
    Ok(tokio::spawn(connection::serve(
        listener, service, bounds, never,
    )))
}

/// Goes on as before until load balancers have seen that the server stops, or a second signal comes.
async fn drain(config: &Config) -> Result<()> {
    let drain_s = config.server.drain_s;
    if drain_s == 0 {
        return Ok(());
    }
    tracing::info!(
        drain_s,
        "stopping: serving until load balancers have noticed"
    );
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(drain_s)) => Ok(()),
        signalled = wait_for_signal() => signalled,
    }
}

async fn listen(config: &Config) -> Result<TcpListener> {
    TcpListener::bind((config.listen_host(), config.server.port))
        .await
        .map_err(|error| cannot_listen(config, error))
}

fn cannot_listen(config: &Config, error: std::io::Error) -> Error {
    Error::unavailable(format!(
        "The server cannot listen on {}:{}: {error}. Stop what uses the port, or choose another \
         one with --port.",
        config.server.host, config.server.port
    ))
}

/// Says where the server is, in the log and, for people, on the standard output.
fn announce(config: &Config, address: SocketAddr) {
    let host = match address.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        ip if ip.is_ipv6() => format!("[{ip}]"),
        ip => ip.to_string(),
    };
    let url = format!(
        "http://{host}:{}{}",
        address.port(),
        config.server.static_prefix
    );
    tracing::info!(%address, url, version = env!("CARGO_PKG_VERSION"), "serving");
    if !config.traces.endpoint.is_empty() {
        tracing::info!(endpoint = config.traces.endpoint, "sending traces");
    }
    println!("Trackway serves at {url}");
    println!("In a training script: mlflow.set_tracking_uri(\"{url}\")");
}

async fn wait_for_signal() -> Result<()> {
    let failed = |error| Error::internal("The server cannot wait for signals.").with_cause(error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(failed),
    }
}
