//! `trackway server`: reads the configuration, sets the log up and hands over to the server.

use super::Outcome;
use crate::config::Loaded;
use crate::error::{Error, Result};
use crate::{logging, server};
use tokio::runtime::{Builder, Runtime};

pub(super) fn run(loaded: Loaded) -> Result<Outcome> {
    let Loaded {
        config, warnings, ..
    } = loaded;
    logging::init(&config.log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    config.prepare_data_dir()?;
    runtime(config.server.workers)?.block_on(server::run(config))?;
    Ok(Outcome::default())
}

fn runtime(workers: usize) -> Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if workers > 0 {
        builder.worker_threads(workers);
    }
    builder
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("The server cannot start its threads: {error}.")))
}
