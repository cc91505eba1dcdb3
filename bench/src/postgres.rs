//! Empty databases for the servers on PostgreSQL.

use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A PostgreSQL server that databases may be made in.
#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    /// Without a database, as postgresql://USER@HOST:PORT.
    pub(crate) url: String,
    pub(crate) psql: PathBuf,
}

/// The one database that is used again and again.
const NAME: &str = "bench";

impl Postgres {
    /// Makes the database anew and gives its URL.
    pub(crate) fn fresh(&self) -> Result<String> {
        self.run(&format!("drop database if exists {NAME} with (force)"))?;
        self.run(&format!("create database {NAME}"))?;
        Ok(format!("{}/{NAME}", self.url))
    }

    fn run(&self, sql: &str) -> Result<()> {
        let status = Command::new(&self.psql)
            .args(["-q", "-c", sql, &format!("{}/postgres", self.url)])
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot start {}", self.psql.display()))?;
        ensure!(status.success(), "PostgreSQL refused: {sql}");
        Ok(())
    }
}
