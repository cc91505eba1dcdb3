//! Runs, their params, tags and batches.

use crate::app::{App, Ctx};
use crate::error::{Error, Result};
use crate::http::input::Wire;
use crate::http::reply::{Empty, Reply};
use crate::http::router::{Access, Route, get, post};
use crate::http::wire::batch::LogBatch;
use crate::http::wire::metric::LogMetric;
use crate::http::wire::run::{
    CreateRun, LogModel, OneRun, RunById, RunPage, RunPair, RunReply, SearchRuns, UpdateRun,
    UpdatedRun,
};
use crate::registry::freeze;
use crate::tracking::batch::{self, Batch};
use crate::tracking::{assemble, legacy_model, param, run, search, tag};
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("2.0/mlflow/runs/create", Access::Edit, create),
        get("2.0/mlflow/runs/get", Access::Read, find),
        post("2.0/mlflow/runs/search", Access::Read, search_all),
        post("2.0/mlflow/runs/update", Access::Edit, update),
        post("2.0/mlflow/runs/delete", Access::Edit, delete),
        post("2.0/mlflow/runs/restore", Access::Edit, restore),
        post("2.0/mlflow/runs/log-metric", Access::Edit, log_metric),
        post("2.0/mlflow/runs/log-parameter", Access::Edit, log_param),
        post("2.0/mlflow/runs/log-batch", Access::Edit, log_batch),
        post("2.0/mlflow/runs/set-tag", Access::Edit, set_tag),
        post("2.0/mlflow/runs/delete-tag", Access::Edit, delete_tag),
        post("2.0/mlflow/runs/log-model", Access::Edit, log_model),
    ]
}

async fn create(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<CreateRun>,
) -> Result<Reply<OneRun>> {
    let new = request.check(app.settings.long_values)?;
    let ids = app.ids.clone();
    let (run, tags) = app
        .db
        .write(move |tx| run::create(tx, &ctx, &ids, &new))
        .await?;
    Ok(Reply(OneRun {
        run: RunReply::created(run, tags),
    }))
}

async fn find(State(app): State<App>, Wire(request): Wire<RunById>) -> Result<Reply<OneRun>> {
    let uuid = request.check()?;
    let full = app
        .db
        .read(move |tx| {
            let run = run::find(tx, &uuid)?;
            let full = assemble::load(tx, vec![run])?.pop();
            full.ok_or_else(|| Error::internal("A run that was found could not be read."))
        })
        .await?;
    Ok(Reply(OneRun {
        run: RunReply::whole(full),
    }))
}

async fn search_all(
    State(app): State<App>,
    Wire(request): Wire<SearchRuns>,
) -> Result<Reply<RunPage>> {
    let (experiment_ids, search) = request.check()?;
    let page = app
        .db
        .read(move |tx| search::runs(tx, &experiment_ids, &search))
        .await?;
    Ok(Reply(RunPage {
        runs: page.items.into_iter().map(RunReply::found).collect(),
        next_page_token: page.next,
    }))
}

async fn update(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<UpdateRun>,
) -> Result<Reply<UpdatedRun>> {
    let (uuid, change) = request.check()?;
    let run = app
        .db
        .write(move |tx| run::update(tx, &ctx, &uuid, &change))
        .await?;
    Ok(Reply(UpdatedRun {
        run_info: run.into(),
    }))
}

async fn delete(State(app): State<App>, Wire(request): Wire<RunById>) -> Result<Reply<Empty>> {
    let uuid = request.check()?;
    app.db
        .write(move |tx| freeze::delete_run(tx, &uuid))
        .await?;
    Ok(Reply(Empty {}))
}

async fn restore(State(app): State<App>, Wire(request): Wire<RunById>) -> Result<Reply<Empty>> {
    let uuid = request.check()?;
    app.db.write(move |tx| run::restore(tx, &uuid)).await?;
    Ok(Reply(Empty {}))
}

async fn log_metric(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<LogMetric>,
) -> Result<Reply<Empty>> {
    let (run_uuid, metric) = request.check()?;
    let batch = Batch {
        run_uuid,
        metrics: vec![metric],
        ..Batch::default()
    };
    app.db.write(move |tx| batch::log(tx, &ctx, &batch)).await?;
    Ok(Reply(Empty {}))
}

async fn log_param(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RunPair>,
) -> Result<Reply<Empty>> {
    let (uuid, pair) = request.check_param(app.settings.long_values)?;
    app.db
        .write(move |tx| param::log(tx, &ctx, &uuid, &pair))
        .await?;
    Ok(Reply(Empty {}))
}

async fn log_batch(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<LogBatch>,
) -> Result<Reply<Empty>> {
    let batch = request.check(app.settings.long_values)?;
    app.db.write(move |tx| batch::log(tx, &ctx, &batch)).await?;
    Ok(Reply(Empty {}))
}

async fn set_tag(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RunPair>,
) -> Result<Reply<Empty>> {
    let (uuid, pair) = request.check_tag(app.settings.long_values)?;
    app.db
        .write(move |tx| tag::set(tx, &ctx, &uuid, &pair))
        .await?;
    Ok(Reply(Empty {}))
}

async fn delete_tag(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RunPair>,
) -> Result<Reply<Empty>> {
    let (uuid, key) = request.check_key()?;
    app.db
        .write(move |tx| tag::delete(tx, &ctx, &uuid, &key))
        .await?;
    Ok(Reply(Empty {}))
}

async fn log_model(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<LogModel>,
) -> Result<Reply<Empty>> {
    let (uuid, model) = request.check()?;
    let long = app.settings.long_values;
    app.db
        .write(move |tx| legacy_model::record(tx, &ctx, &uuid, (&model, long)))
        .await?;
    Ok(Reply(Empty {}))
}
