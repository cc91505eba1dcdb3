//! Runs as pages show them: tables, columns, metrics, curves, comparisons, and changes of many.

use crate::app::{App, Ctx};
use crate::db::Tx;
use crate::error::Result;
use crate::http::file::Segments;
use crate::http::input::Wire;
use crate::http::reply::Reply;
use crate::http::router::{Access, Route, get, post};
use crate::http::wire::bulk::{ManyReply, ManyRuns, TagRuns};
use crate::http::wire::overview::NoQuery;
use crate::http::wire::run_table::{CompareRuns, FindColumns, ReadTable};
use crate::http::wire::series::{ReadManySeries, ReadSeries};
use crate::insight::{columns, compare, metrics, table};
use crate::registry::freeze;
use crate::tracking::curve::{self, Shape};
use crate::tracking::experiment::Lifecycle;
use crate::tracking::{bulk, history, run};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::IntoResponse;
use axum::response::Response;

/// The content type of curves.
const BYTES: &str = "application/octet-stream";
const POINTS: HeaderName = HeaderName::from_static("x-trackway-points");
const WINDOW_POINTS: HeaderName = HeaderName::from_static("x-trackway-window-points");
const KIND: HeaderName = HeaderName::from_static("x-trackway-kind");

pub(super) fn routes() -> Vec<Route> {
    use Access::{Edit, Read};
    vec![
        post("1.0/experiments/columns", Read, find_columns)
            .own()
            .tells("Finds the columns that matching runs have, and those to show first.")
            .body::<FindColumns>()
            .answers::<columns::Columns>(),
        post("1.0/runs/table", Read, read_table)
            .own()
            .tells("Reads a page of a table of runs, column by column.")
            .body::<ReadTable>()
            .answers::<table::Table>(),
        get("1.0/runs/{run_id}/metrics", Read, sum_metrics)
            .own()
            .tells("Sums each metric of a run up.")
            .answers::<metrics::RunMetrics>(),
        get("1.0/series", Read, read_series)
            .own()
            .tells("Draws one metric of one run, as bytes.")
            .query::<ReadSeries>()
            .answers_as(BYTES),
        post("1.0/series/bulk", Read, read_many_series)
            .own()
            .tells("Draws metrics of many runs, as bytes.")
            .body::<ReadManySeries>()
            .answers_as(BYTES),
        post("1.0/compare", Read, compare_runs)
            .own()
            .tells("Puts runs side by side.")
            .body::<CompareRuns>()
            .answers::<compare::Comparison>(),
        post("1.0/runs/bulk/tags", Edit, tag_many)
            .own()
            .audited("runs.tag_many", "runs:many")
            .tells("Sets and removes tags of many runs, of all or of none.")
            .body::<TagRuns>()
            .answers::<ManyReply>(),
        post("1.0/runs/bulk/delete", Edit, delete_many)
            .own()
            .audited("runs.delete_many", "runs:many")
            .tells("Deletes many runs, all or none.")
            .body::<ManyRuns>()
            .answers::<ManyReply>(),
        post("1.0/runs/bulk/restore", Edit, restore_many)
            .own()
            .audited("runs.restore_many", "runs:many")
            .tells("Restores many deleted runs, all or none.")
            .body::<ManyRuns>()
            .answers::<ManyReply>(),
    ]
}

async fn find_columns(
    State(app): State<App>,
    Wire(request): Wire<FindColumns>,
) -> Result<Reply<columns::Columns>> {
    let asked = request.check()?;
    let read = move |tx: &mut Tx<'_>| columns::find(tx, &asked);
    app.db.read(read).await.map(Reply)
}

async fn read_table(
    State(app): State<App>,
    Wire(request): Wire<ReadTable>,
) -> Result<Reply<table::Table>> {
    let asked = request.check()?;
    let read =
        move |tx: &mut Tx<'_>| table::read(tx, &asked.search, &asked.wanted, asked.aggregate);
    app.db.read(read).await.map(Reply)
}

async fn sum_metrics(
    State(app): State<App>,
    Segments(uuid): Segments<String>,
    Wire(NoQuery {}): Wire<NoQuery>,
) -> Result<Reply<metrics::RunMetrics>> {
    let read = move |tx: &mut Tx<'_>| metrics::of_run(tx, &uuid);
    app.db.read(read).await.map(Reply)
}

async fn compare_runs(
    State(app): State<App>,
    Wire(request): Wire<CompareRuns>,
) -> Result<Reply<compare::Comparison>> {
    let (uuids, ranges) = request.check()?;
    let read = move |tx: &mut Tx<'_>| compare::compare(tx, &uuids, ranges);
    app.db.read(read).await.map(Reply)
}

async fn read_series(State(app): State<App>, Wire(request): Wire<ReadSeries>) -> Result<Response> {
    let (uuid, key, window) = request.check()?;
    let curve = app
        .db
        .read(move |tx| {
            let run = run::find(tx, &uuid)?;
            let points = match tx.find_key(&key)? {
                Some(id) => history::whole(tx, run.id, Some(&[id]))?.remove(&id),
                None => None,
            };
            Ok(curve::draw(
                &points.unwrap_or_default(),
                run.start_time,
                window,
            ))
        })
        .await?;
    let kind = match curve.shape {
        Shape::Exact(_) => "exact",
        Shape::Buckets(_) => "buckets",
    };
    let mut bytes = Vec::new();
    curve::encode(&curve, &mut bytes);
    let headers = [
        (CONTENT_TYPE, BYTES.to_owned()),
        (POINTS, curve.points.to_string()),
        (WINDOW_POINTS, curve.in_window.to_string()),
        (KIND, kind.to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

async fn read_many_series(
    State(app): State<App>,
    Wire(request): Wire<ReadManySeries>,
) -> Result<Response> {
    let (uuids, keys, window) = request.check()?;
    let bytes = app
        .db
        .read(move |tx| {
            let mut blocks: u32 = 0;
            let mut bytes = b"TWB1\0\0\0\0".to_vec();
            let mut ids = Vec::with_capacity(keys.len());
            for (place, key) in (0_u32..).zip(&keys) {
                ids.extend(tx.find_key(key)?.map(|id| (id, place)));
            }
            let wanted: Vec<i64> = ids.iter().map(|(id, _)| *id).collect();
            for (run_place, uuid) in (0_u32..).zip(&uuids) {
                let Some(run) = run::find_optional(tx, uuid)? else {
                    continue;
                };
                let histories = history::whole(tx, run.id, Some(&wanted))?;
                for (id, key_place) in &ids {
                    let Some(points) = histories.get(id) else {
                        continue;
                    };
                    let mut block = Vec::new();
                    curve::encode(&curve::draw(points, run.start_time, window), &mut block);
                    // A block has 64 KiB at the most.
                    for number in [run_place, *key_place, block.len() as u32, 0] {
                        bytes.extend_from_slice(&number.to_le_bytes());
                    }
                    bytes.append(&mut block);
                    blocks += 1;
                }
            }
            if let Some(count) = bytes.get_mut(4..8) {
                count.copy_from_slice(&blocks.to_le_bytes());
            }
            Ok(bytes)
        })
        .await?;
    Ok(([(CONTENT_TYPE, BYTES)], bytes).into_response())
}

async fn tag_many(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<TagRuns>,
) -> Result<Reply<ManyReply>> {
    let (uuids, set, remove) = request.check(app.settings.long_values)?;
    let work = move |tx: &mut Tx<'_>, ctx: &Ctx| bulk::tag(tx, ctx, &uuids, (&set, &remove));
    Ok(Reply(app.change(ctx, work).await?.into()))
}

async fn delete_many(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<ManyRuns>,
) -> Result<Reply<ManyReply>> {
    let uuids = request.check()?;
    let work = move |tx: &mut Tx<'_>, _: &Ctx| {
        bulk::each(tx, &uuids, |tx, run| {
            freeze::delete_run(tx, &run.uuid)?;
            Ok(run.lifecycle == Lifecycle::Active)
        })
    };
    Ok(Reply(app.change(ctx, work).await?.into()))
}

async fn restore_many(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<ManyRuns>,
) -> Result<Reply<ManyReply>> {
    let uuids = request.check()?;
    let work = move |tx: &mut Tx<'_>, _: &Ctx| {
        bulk::each(tx, &uuids, |tx, run| {
            run::restore(tx, &run.uuid)?;
            Ok(run.lifecycle == Lifecycle::Deleted)
        })
    };
    Ok(Reply(app.change(ctx, work).await?.into()))
}
