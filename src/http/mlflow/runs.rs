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
        post("2.0/mlflow/runs/create", Access::Edit, create).audited("run.create", "run:{run_id}"),
        get("2.0/mlflow/runs/get", Access::Read, find),
        post("2.0/mlflow/runs/search", Access::Read, search_all),
        post("2.0/mlflow/runs/update", Access::Edit, update).audited("run.update", "run:{run_id}"),
        post("2.0/mlflow/runs/delete", Access::Edit, delete).audited("run.delete", "run:{run_id}"),
        post("2.0/mlflow/runs/restore", Access::Edit, restore)
            .audited("run.restore", "run:{run_id}"),
        post("2.0/mlflow/runs/log-metric", Access::Edit, log_metric)
            .logging("run.log_metric", "run:{run_id}"),
        post("2.0/mlflow/runs/log-parameter", Access::Edit, log_param)
            .logging("run.log_param", "run:{run_id}"),
        post("2.0/mlflow/runs/log-batch", Access::Edit, log_batch)
            .logging("run.log_batch", "run:{run_id}"),
        post("2.0/mlflow/runs/set-tag", Access::Edit, set_tag)
            .logging("run.set_tag", "run:{run_id}"),
        post("2.0/mlflow/runs/delete-tag", Access::Edit, delete_tag)
            .logging("run.delete_tag", "run:{run_id}"),
        post("2.0/mlflow/runs/log-model", Access::Edit, log_model)
            .logging("run.log_model", "run:{run_id}"),
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
        .change(ctx, move |tx, ctx| run::create(tx, ctx, &ids, &new))
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
        .read_anywhere(move |tx| search::runs(tx, &experiment_ids, &search))
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
        .change(ctx, move |tx, ctx| run::update(tx, ctx, &uuid, &change))
        .await?;
    Ok(Reply(UpdatedRun {
        run_info: run.into(),
    }))
}

async fn delete(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RunById>,
) -> Result<Reply<Empty>> {
    let uuid = request.check()?;
    app.change(ctx, move |tx, _| freeze::delete_run(tx, &uuid))
        .await?;
    Ok(Reply(Empty {}))
}

async fn restore(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RunById>,
) -> Result<Reply<Empty>> {
    let uuid = request.check()?;
    app.change(ctx, move |tx, _| run::restore(tx, &uuid))
        .await?;
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
    log(&app, ctx, batch).await
}

async fn log_param(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RunPair>,
) -> Result<Reply<Empty>> {
    let (uuid, pair) = request.check_param(app.settings.long_values)?;
    app.change(ctx, move |tx, ctx| param::log(tx, ctx, &uuid, &pair))
        .await?;
    app.metrics.tracking.logged(0, 1, 0);
    Ok(Reply(Empty {}))
}

async fn log_batch(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<LogBatch>,
) -> Result<Reply<Empty>> {
    let batch = request.check(app.settings.long_values)?;
    log(&app, ctx, batch).await
}

async fn log(app: &App, ctx: Ctx, batch: Batch) -> Result<Reply<Empty>> {
    let (points, params, tags) = (batch.metrics.len(), batch.params.len(), batch.tags.len());
    app.change(ctx, move |tx, ctx| batch::log(tx, ctx, &batch))
        .await?;
    app.metrics.tracking.logged(points, params, tags);
    Ok(Reply(Empty {}))
}

async fn set_tag(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RunPair>,
) -> Result<Reply<Empty>> {
    let (uuid, pair) = request.check_tag(app.settings.long_values)?;
    app.change(ctx, move |tx, ctx| tag::set(tx, ctx, &uuid, &pair))
        .await?;
    app.metrics.tracking.logged(0, 0, 1);
    Ok(Reply(Empty {}))
}

async fn delete_tag(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RunPair>,
) -> Result<Reply<Empty>> {
    let (uuid, key) = request.check_key()?;
    app.change(ctx, move |tx, ctx| tag::delete(tx, ctx, &uuid, &key))
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
    app.change(ctx, move |tx, ctx| {
        legacy_model::record(tx, ctx, &uuid, (&model, long))
    })
    .await?;
    Ok(Reply(Empty {}))
}
