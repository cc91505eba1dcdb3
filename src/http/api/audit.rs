//! The audit log: its entries, its signed heads, proofs, and the log as a file.

use crate::app::App;
use crate::audit::log::{self, Record};
use crate::audit::{checkpoint, search};
use crate::db::Db;
use crate::error::Result;
use crate::http::file::Segments;
use crate::http::input::Wire;
use crate::http::reply::Reply;
use crate::http::router::{Access, Route, get};
use crate::http::wire::audit::{
    ConsistencyReply, EntriesReply, HeadReply, HeadsReply, InclusionReply, ReadFrom, RecordsReply,
    SearchEntries, Sizes, encode, position,
};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use std::io;

/// Entries that are read in one go for the log as a file.
const CHUNK: u64 = 1_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("1.0/audit/entries", Access::Read, find_many)
            .own()
            .tells("Searches the audit log, the newest entries first.")
            .query::<SearchEntries>()
            .answers::<EntriesReply>(),
        get("1.0/audit/entries/{position}", Access::Read, find)
            .own()
            .tells("Gives an entry with the proof that the log holds it.")
            .query::<Sizes>()
            .answers::<InclusionReply>(),
        get("1.0/audit/records", Access::Read, records)
            .own()
            .tells("Reads entries in their order, as they were hashed.")
            .query::<ReadFrom>()
            .answers::<RecordsReply>(),
        get("1.0/audit/export", Access::Read, export)
            .own()
            .tells("Sends the log as JSON lines.")
            .query::<ReadFrom>()
            .answers_as("application/jsonl"),
        get("1.0/audit/head", Access::Read, head)
            .own()
            .tells("Gives the log as it is now, signed.")
            .answers::<HeadReply>(),
        get("1.0/audit/heads", Access::Read, heads)
            .own()
            .tells("Lists the signed heads of the log.")
            .query::<ReadFrom>()
            .answers::<HeadsReply>(),
        get("1.0/audit/consistency", Access::Read, consistency)
            .own()
            .tells("Proves that the log only grew.")
            .query::<Sizes>()
            .answers::<ConsistencyReply>(),
    ]
}

async fn find_many(
    State(app): State<App>,
    Wire(request): Wire<SearchEntries>,
) -> Result<Reply<EntriesReply>> {
    let question = request.check()?;
    let page = app.db.read(move |tx| search::list(tx, &question)).await?;
    Ok(Reply(page.into()))
}

async fn find(
    State(app): State<App>,
    Segments(text): Segments<String>,
    Wire(request): Wire<Sizes>,
) -> Result<Reply<InclusionReply>> {
    let (at, size) = (position(&text)?, request.check_one()?);
    app.db
        .read(move |tx| {
            let (record, size, path) = log::prove_inclusion(tx, at, size)?;
            let root = checkpoint::root_at(tx, size)?;
            Ok(Reply(InclusionReply::new(record, (size, root), &path)))
        })
        .await
}

async fn records(
    State(app): State<App>,
    Wire(request): Wire<ReadFrom>,
) -> Result<Reply<RecordsReply>> {
    let (from, count) = request.check()?;
    let records = app.db.read(move |tx| log::read(tx, from, count)).await?;
    Ok(Reply(RecordsReply {
        records: records.into_iter().map(Into::into).collect(),
    }))
}

/// Sends the log as JSON lines, each the bytes of one entry; `from` says where to begin.
async fn export(State(app): State<App>, Wire(request): Wire<ReadFrom>) -> Result<Response> {
    let (from, _) = request.check()?;
    let end = app.db.read(log::state).await?.frontier.size();
    let mut response = Response::new(Body::from_stream(lines(app.db.clone(), (from, end))));
    let kind = HeaderValue::from_static("application/jsonl");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Reads the entries from one position to before another, chunk by chunk.
fn lines(db: Db, range: (u64, u64)) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((db, range), |(db, (from, end))| async move {
        if from >= end {
            return Ok(None);
        }
        let count = CHUNK.min(end - from);
        let read = db.read(move |tx| log::read(tx, from, count)).await;
        let records: Vec<Record> = read.map_err(io::Error::other)?;
        let Some(last) = records.last().map(|record| record.position) else {
            return Ok(None);
        };
        let mut text = String::new();
        for record in &records {
            text.push_str(&record.leaf);
            text.push('\n');
        }
        Ok(Some((Bytes::from(text), (db, (last + 1, end)))))
    })
}

/// Answers with the log as it is now, signed.
async fn head(State(app): State<App>) -> Result<Reply<HeadReply>> {
    let (key, now) = (app.audit_key.clone(), app.clock.now());
    let reader = key.clone();
    let standing = app
        .db
        .read(move |tx| checkpoint::standing(tx, &reader))
        .await?;
    let signed = match standing {
        Some(signed) => signed,
        None => {
            app.db
                .write(move |tx| checkpoint::sign(tx, now, &key))
                .await?
        }
    };
    let keys = app.db.read(checkpoint::keys).await?;
    Ok(Reply(HeadReply::new(signed, keys)?))
}

async fn heads(State(app): State<App>, Wire(request): Wire<ReadFrom>) -> Result<Reply<HeadsReply>> {
    let (from, count) = request.check()?;
    let read = move |tx: &mut crate::db::Tx<'_>| checkpoint::read(tx, from, count);
    let heads = app.db.read(read).await?;
    Ok(Reply(HeadsReply {
        heads: heads.into_iter().map(Into::into).collect(),
    }))
}

async fn consistency(
    State(app): State<App>,
    Wire(request): Wire<Sizes>,
) -> Result<Reply<ConsistencyReply>> {
    let (first, second) = request.check_two()?;
    app.db
        .read(move |tx| {
            let (second, path) = log::prove_consistency(tx, first, second)?;
            Ok(Reply(ConsistencyReply {
                first,
                second,
                consistency_path: path.iter().map(|hash| encode(hash)).collect(),
            }))
        })
        .await
}
