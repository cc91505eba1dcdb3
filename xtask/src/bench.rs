//! `cargo xt bench`: prepares the server, its peers and the load generator, and lets them run.
//!
//! What is measured and how is the business of the crate `bench`; this only says which programs
//! there are. A peer that cannot be had is named in the report with the reason.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::postgres::{Durability, Postgres};
use crate::python::{self, Environment};
use crate::{binary, shell};

/// A server that Trackway is compared with.
struct Peer {
    /// What the load generator calls it, once for each number of workers.
    names: &'static [&'static str],
    environment: Environment,
    /// Its program, in the folder of the environment's programs.
    program: &'static str,
}

const PEERS: &[Peer] = &[
    Peer {
        names: &["mlflow", "mlflow-4"],
        environment: Environment {
            name: "bench-mlflow",
            minors: 10..=13,
        },
        program: "mlflow",
    },
    Peer {
        names: &["fasttrackml"],
        environment: Environment {
            name: "bench-fasttrackml",
            minors: 10..=13,
        },
        program: "fml",
    },
    Peer {
        names: &["mlflow-go"],
        environment: Environment {
            name: "bench-mlflow-go",
            minors: 10..=12,
        },
        program: "mlflow-go",
    },
];

/// Measures; `flags` go on to the load generator. The answer says whether it ended well.
///
/// Fails if the server or the load generator does not compile.
pub(crate) fn run(flags: &[String]) -> Result<bool> {
    println!("Building the release binaries (the first time takes a few minutes)");
    let server = binary::release("trackway", "trackway")?;
    let generator = binary::release("bench", "bench")?;
    let folder = shell::root().join("target/bench");
    fs::create_dir_all(&folder)?;
    let mut run = shell::program(generator);
    run.arg("run").arg("--folder").arg(&folder);
    run.arg(format!("--server=trackway={}", server.display()));
    for peer in PEERS {
        match prepare(peer) {
            Ok(program) => {
                for name in peer.names {
                    run.arg(format!("--server={name}={}", program.display()));
                }
            }
            Err(reason) => {
                println!("{} cannot be had: {reason:#}", peer.program);
                run.arg(format!("--missing={}={reason:#}", peer.program));
            }
        }
    }
    let mut postgres = Postgres::with(Durability::Kept);
    match postgres.direct() {
        Ok(place) => {
            let url = place.url.trim_end_matches("/postgres");
            run.arg(format!("--postgres={url}"))
                .arg("--psql")
                .arg(place.psql);
        }
        Err(reason) => {
            println!("PostgreSQL cannot be had: {reason}");
            run.arg(format!("--missing=PostgreSQL={reason}"));
        }
    }
    shell::succeeds(run.args(flags))
}

/// Installs a peer and gives its program.
fn prepare(peer: &Peer) -> Result<PathBuf> {
    let python = python::prepare(&peer.environment)?;
    let program = python.with_file_name(peer.program);
    ensure!(program.is_file(), "{} is not there", program.display());
    if peer.program == "mlflow-go" {
        name_library(&program)?;
    }
    Ok(program)
}

/// Gives the library of mlflow-go the name that it looks for: its package for Linux carries the
/// library under the name that it has on another system.
fn name_library(program: &Path) -> Result<()> {
    let libraries = program
        .parent()
        .and_then(Path::parent)
        .map(|folder| folder.join("lib"));
    for entry in libraries
        .into_iter()
        .flat_map(fs::read_dir)
        .flatten()
        .flatten()
    {
        let package = entry.path().join("site-packages/mlflow_go_backend");
        let (there, wanted) = ("libmlflow-go-backend.dylib", "libmlflow-go-backend.so");
        if package.join(there).is_file() && !package.join(wanted).exists() {
            symlink(there, package.join(wanted))?;
        }
    }
    Ok(())
}
