//! W5: artifacts, one large and many small ones.

use super::Scale;
use crate::api;
use crate::client::{get, put_head};
use crate::data::mix;
use crate::sample::{Sample, Work, measure};
use crate::server::Running;
use anyhow::{Context, Result, ensure};

const MIB: usize = 1024 * 1024;
const SMALL: usize = 10 * 1024;

/// W5: 1 GiB up and down, 1,000 files of 10 KiB up.
pub(crate) fn files(server: &Running, scale: &Scale) -> Vec<Sample> {
    let (large, small) = match scale.quick {
        true => (128, 100),
        false => (1024, 1000),
    };
    let up = Sample::new("W5", format!("{large} MiB up"), "MiB/s");
    let down = Sample::new("W5", format!("{large} MiB down"), "MiB/s");
    let many = Sample::new("W5", format!("{small} files of 10 KiB up"), "files/s");
    let peak = Sample::new("W5", "peak memory above idle", "MiB").lower();
    let folder = match folder(server) {
        Ok(folder) => folder,
        Err(error) => return vec![up.with(Err(error))],
    };
    let before = server.memory();
    server.watch.take_peak();
    let piece = piece();
    let sent = upload(server, &folder, &piece, large);
    let read = match &sent {
        Ok(_) => download(server, &folder, &piece, large),
        Err(_) => Err(anyhow::anyhow!("there is no file to read")),
    };
    let grown = server.watch.take_peak().saturating_sub(before) as f64 / MIB as f64;
    let grown = sent.is_ok().then_some(grown).context("there is no file");
    vec![
        up.rate(sent),
        down.rate(read),
        many.rate(upload_many(server, &folder, &piece, small)),
        peak.with(grown),
    ]
}

/// Gives where the artifacts of a new run are, below the server's artifact routes.
fn folder(server: &Running) -> Result<String> {
    let mut client = server.client();
    let experiment = api::create_experiment(&mut client, "artifacts")?;
    let run = api::create_run(&mut client, &experiment)?;
    Ok(format!(
        "/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts"
    ))
}

/// A MiB that does not compress.
fn piece() -> Vec<u8> {
    (0..MIB as u64 / 8)
        .flat_map(|n| mix(n).to_le_bytes())
        .collect()
}

fn upload(server: &Running, folder: &str, piece: &[u8], count: usize) -> Result<Work> {
    measure(server, || {
        let head = put_head(&format!("{folder}/large.bin"), piece.len() * count);
        let answer = server.client().stream(&head, piece, count)?;
        ensure!(
            answer.status == 200,
            "the upload was answered with {}",
            answer.status
        );
        Ok(count as f64)
    })
}

fn download(server: &Running, folder: &str, piece: &[u8], count: usize) -> Result<Work> {
    measure(server, || {
        let mut place = 0;
        let request = get(&format!("{folder}/large.bin"));
        let status = server.client().receive(&request, |mut part| {
            while !part.is_empty() {
                let wanted = piece.get(place % piece.len()..).unwrap_or(&[]);
                let length = wanted.len().min(part.len());
                ensure!(
                    part.get(..length) == wanted.get(..length),
                    "byte {place} and on differ"
                );
                part = part.get(length..).unwrap_or(&[]);
                place += length;
            }
            Ok(())
        })?;
        ensure!(status == 200, "the download was answered with {status}");
        ensure!(place == piece.len() * count, "{place} bytes came");
        Ok(count as f64)
    })
}

fn upload_many(server: &Running, folder: &str, piece: &[u8], count: usize) -> Result<Work> {
    let content = piece.get(..SMALL).unwrap_or(piece);
    measure(server, || {
        let mut client = server.client();
        for number in 0..count {
            let head = put_head(&format!("{folder}/small/{number}.bin"), content.len());
            let answer = client.stream(&head, content, 1)?;
            ensure!(
                answer.status == 200,
                "an upload was answered with {}",
                answer.status
            );
        }
        Ok(count as f64)
    })
}
