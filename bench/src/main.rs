//! The load generator behind `cargo xt bench`: it starts servers, puts the same work to each, checks
//! what they answer, and prints a table of how they compare.
//!
//! `cargo xt bench` prepares the programs that this one starts, and calls it.

mod api;
mod body;
mod client;
mod data;
mod fill;
mod floor;
mod pool;
mod postgres;
mod process;
mod report;
mod sample;
mod server;
mod session;
mod workload;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use server::{Kind, Store, Subject};
use std::path::PathBuf;
use std::time::Duration;
use workload::Scale;

#[derive(Parser)]
#[command(about = "Puts the same work to Trackway and its peers, and compares them")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reads requests and answers {}, on this port
    Floor { port: u16 },
    /// Measures
    Run(Box<Plan>),
}

#[derive(Args)]
struct Plan {
    /// A server as NAME=PROGRAM: trackway, mlflow, mlflow-4, fasttrackml, mlflow-go
    #[arg(long = "server")]
    servers: Vec<String>,
    /// A peer that cannot be had, as NAME=REASON
    #[arg(long = "missing")]
    missing: Vec<String>,
    /// PostgreSQL for the servers, as postgresql://USER@HOST:PORT
    #[arg(long)]
    postgres: Option<String>,
    /// The program psql
    #[arg(long, default_value = "psql")]
    psql: PathBuf,
    /// Where data, filled stores and the report go
    #[arg(long)]
    folder: PathBuf,
    /// Only these servers
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Only on these databases
    #[arg(long, value_delimiter = ',', value_enum)]
    on: Vec<Store>,
    /// Only these workloads, as W1,W3
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Few repetitions, short ones, no store with more than 10,000 runs, and no `mlflow-4` unless named
    #[arg(long)]
    quick: bool,
    /// Repetitions
    #[arg(long)]
    rounds: Option<usize>,
    /// Sizes of the stores that Trackway alone is searched in
    #[arg(long, value_delimiter = ',')]
    sizes: Option<Vec<u64>>,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Floor { port } => floor::serve(port),
        Command::Run(plan) => run(&plan),
    }
}

fn run(plan: &Plan) -> Result<()> {
    let setup = session::Setup {
        subjects: subjects(plan)?,
        folder: plan.folder.clone(),
        rounds: plan.rounds.unwrap_or(if plan.quick { 1 } else { 5 }),
        sizes: plan.sizes.clone().unwrap_or_else(|| match plan.quick {
            true => Vec::new(),
            false => vec![100_000, 1_000_000],
        }),
        scale: Scale {
            time: Duration::from_secs(if plan.quick { 1 } else { 2 }),
            quick: plan.quick,
            only: plan.only.clone(),
        },
        postgres: plan.postgres.clone().map(|url| postgres::Postgres {
            url,
            psql: plan.psql.clone(),
        }),
    };
    let file = plan.folder.join("report.md");
    let mut report = String::new();
    // After each round, so that a run of hours that is cut off leaves what it has measured.
    session::run(&setup, |measured| {
        report = report::write(measured, &plan.missing, &setup);
        Ok(std::fs::write(&file, &report)?)
    })?;
    println!("{report}\nWritten to {}", file.display());
    Ok(())
}

/// Lists what is measured, in the order of the columns.
fn subjects(plan: &Plan) -> Result<Vec<Subject>> {
    let mut subjects = vec![Subject {
        kind: Kind::Floor,
        store: Store::Sqlite,
        program: std::env::current_exe()?,
    }];
    for server in &plan.servers {
        let Some((name, program)) = server.split_once('=') else {
            bail!("{server} is not NAME=PROGRAM");
        };
        let kind = match name {
            "trackway" => Kind::Trackway,
            "mlflow" => Kind::Mlflow { workers: 1 },
            "mlflow-4" => Kind::Mlflow { workers: 4 },
            "fasttrackml" => Kind::FastTrackMl,
            "mlflow-go" => Kind::MlflowGo,
            name => bail!("no such server: {name}"),
        };
        let is_named = plan.peers.iter().any(|peer| peer == name);
        // Quick is under ten minutes; MLflow with each number of workers takes four of them.
        let wanted = is_named || plan.peers.is_empty() && !(plan.quick && name == "mlflow-4");
        if !wanted && kind.is_peer() {
            continue;
        }
        for store in [Store::Sqlite, Store::Postgres] {
            let asked = plan.on.is_empty() || plan.on.contains(&store);
            if !asked || store == Store::Postgres && plan.postgres.is_none() {
                continue;
            }
            subjects.push(Subject {
                kind,
                store,
                program: program.into(),
            });
        }
    }
    Ok(subjects)
}
