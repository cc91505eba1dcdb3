//! Databases of tests on PostgreSQL, where `TRACKWAY_TEST_DATABASE` names a server that may be used
//! for it: each test has one of its own, copied from one that is migrated once.

use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, Config, NoTls};
use trackway::config::Config as Settings;
use trackway::db::Db;

/// Names a database by the process and a number, so that two runs of the tests do not meet.
static NEXT: AtomicU64 = AtomicU64::new(0);
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A database that goes with the test.
pub(crate) struct TestDatabase {
    pub(crate) name: String,
    pub(crate) url: String,
}

/// The URL of the server that the tests use; `None` for SQLite.
pub(crate) fn server_url() -> Option<String> {
    std::env::var("TRACKWAY_TEST_DATABASE")
        .ok()
        .filter(|url| !url.is_empty())
}

impl TestDatabase {
    /// Makes a migrated database, if the tests run on PostgreSQL.
    pub(crate) async fn create() -> Option<Self> {
        server_url()?;
        let template = TEMPLATE.get_or_init(template).await;
        Some(Self::copy(template).await)
    }

    /// Makes an empty database, if the tests run on PostgreSQL.
    pub(crate) async fn create_empty() -> Option<Self> {
        server_url()?;
        Some(Self::copy("template0").await)
    }

    async fn copy(template: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_{number}", prefix());
        create(&name, template).await;
        Self {
            url: beside(&server_url().unwrap(), &name),
            name,
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let name = self.name.clone();
        // A test's own runtime cannot wait here.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(drop_database(&name));
        });
        dropping.join().unwrap();
    }
}

fn prefix() -> String {
    format!("trackway_test_{}", std::process::id())
}

/// The database that others are copied from; the next run of the tests drops it.
async fn template() -> String {
    drop_left_over().await;
    let name = format!("{}_template", prefix());
    create(&name, "template0").await;
    let mut settings = Settings::with_defaults().unwrap();
    // Not through a pooler: a database that a connection is open to cannot be copied.
    settings.database.url = beside(&admin_url(), &name);
    let db = Db::open(settings.database_options().unwrap())
        .await
        .unwrap();
    db.migrate().await.unwrap();
    db.close().await.unwrap();
    name
}

/// Drops databases of processes that are gone, such as those of tests that were killed.
async fn drop_left_over() {
    let client = admin().await;
    let sql = "select datname from pg_database where datname like 'trackway\\_test\\_%'";
    for row in client.query(sql, &[]).await.unwrap() {
        let name: String = row.get(0);
        let process = name.split('_').nth(2).unwrap_or_default();
        if !std::path::Path::new("/proc").join(process).exists() {
            drop_database(&name).await;
        }
    }
}

async fn create(name: &str, template: &str) {
    let sql = format!(
        "create database {name} template {template} encoding 'UTF8' \
         lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'"
    );
    let sql = match template {
        // The order of texts must not depend on the language that a database was created for.
        "template0" => sql,
        // Quicker than through the log, and known since version 15.
        _ => format!("create database {name} template {template} strategy file_copy"),
    };
    admin().await.batch_execute(&sql).await.unwrap();
}

async fn drop_database(name: &str) {
    let sql = format!("drop database if exists {name} with (force)");
    admin().await.batch_execute(&sql).await.unwrap();
}

/// Connects to the server itself, where a pooler stands before it: `TRACKWAY_TEST_ADMIN` is its URL.
pub(crate) async fn admin() -> Client {
    let config: Config = admin_url().parse().unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn admin_url() -> String {
    let url = std::env::var("TRACKWAY_TEST_ADMIN").ok();
    url.or_else(server_url).unwrap()
}

/// The URL of another database on the same server.
fn beside(url: &str, name: &str) -> String {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = place.rsplit_once('/').unwrap();
    match query {
        "" => format!("{server}/{name}"),
        query => format!("{server}/{name}?{query}"),
    }
}
