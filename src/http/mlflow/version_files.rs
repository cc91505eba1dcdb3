//! Reads the small files of a model that is about to be registered: its description and the files
//! of its environment.
//!
//! It runs before the transaction that creates the version, and no failure of it keeps a version
//! from being created: what could not be read is told in the version's facts.

use crate::app::App;
use crate::artifacts::{ArtifactPath, ArtifactStore, Found};
use crate::error::{Code, Result};
use crate::registry::environment::Format;
use crate::registry::facts::files::{self, FileFacts, FoundFile, MAX_FILE, MLMODEL, OF_RUN};
use crate::registry::facts::place::{self, Place};
use crate::registry::rule;
use crate::registry::version::NewVersion;
use futures_util::TryStreamExt;
use std::time::Duration;

/// How long the files of a slow store are waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reads what the files of a new version say; nothing for a version whose creation will fail.
pub(super) async fn read(app: &App, new: &NewVersion) -> FileFacts {
    let mut found = files::Found {
        location: new.source.clone(),
        ..files::Found::default()
    };
    if rule::is_prompt(&new.tags) {
        found.problem = Some("A prompt has no files.".to_owned());
        return files::read(found);
    }
    let folder = app.settings.location_policy.working_directory.clone();
    let asked = new.clone();
    let foreseen = app
        .db
        .read(move |tx| place::foresee(tx, &asked, &folder))
        .await;
    let place = match foreseen {
        Ok(place) => place,
        // Where the creation does not fail for the same reason, its facts tell of it.
        Err(error) => {
            found.problem = Some(error.message);
            return files::read(found);
        }
    };
    found.location.clone_from(&place.storage_location);
    match tokio::time::timeout(PATIENCE, gather(app, &place)).await {
        Ok(Ok(gathered)) => found.files = gathered,
        Ok(Err(error)) => found.problem = Some(error.message),
        Err(_) => {
            found.problem = Some(format!(
                "The files could not be read within {} seconds.",
                PATIENCE.as_secs()
            ));
        }
    }
    let parsed = tokio::task::spawn_blocking(move || files::read(found)).await;
    parsed.unwrap_or_else(|error| {
        tracing::error!(%error, "reading the files of a new version failed");
        FileFacts::default()
    })
}

async fn gather(app: &App, place: &Place) -> Result<Vec<FoundFile>> {
    let (store, root) = app.artifacts.reach(&place.files)?;
    let mut gathered = Vec::new();
    let names = Format::ALL.iter().map(|(_, name)| *name);
    for name in std::iter::once(MLMODEL).chain(names) {
        gathered.extend(fetch(&store, &root, name).await?);
    }
    let lock = Format::ALL.first().map_or("", |(_, name)| name);
    let has_lock = gathered.iter().any(|file| file.path == lock);
    if let Some(run_files) = place.run_files.as_ref().filter(|_| !has_lock) {
        // A lock of the whole project often lies beside the models of a run.
        let (store, root) = app.artifacts.reach(run_files)?;
        if let Some(mut file) = fetch(&store, &root, lock).await? {
            file.path.insert_str(0, OF_RUN);
            gathered.push(file);
        }
    }
    Ok(gathered)
}

/// Reads a file; `None` where there is none.
async fn fetch(
    store: &ArtifactStore,
    root: &ArtifactPath,
    name: &str,
) -> Result<Option<FoundFile>> {
    let path = root.join(&ArtifactPath::parse(name)?);
    let content = match store.get(&path, None).await {
        Ok(Found::File(file)) if file.size <= MAX_FILE => {
            let whole: std::io::Result<Vec<_>> = file.stream.try_collect().await;
            whole
                .map(|chunks| chunks.concat())
                .map_err(|_| "It could not be read to its end.".to_owned())
        }
        Ok(Found::File(file)) => Err(format!(
            "It has {} bytes; at most {MAX_FILE} are read.",
            file.size
        )),
        Ok(Found::Folder | Found::OutOfRange { .. }) => return Ok(None),
        Err(error) if error.code == Code::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(FoundFile {
        path: name.to_owned(),
        content,
    }))
}
