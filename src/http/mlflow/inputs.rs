//! What runs read and made.

use crate::app::{App, Ctx};
use crate::error::Result;
use crate::http::input::Wire;
use crate::http::reply::{Empty, Reply};
use crate::http::router::{Access, Route, post};
use crate::http::wire::dataset::{DatasetSummaries, LogInputs, LogOutputs, SearchDatasets};
use crate::tracking::dataset;
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("2.0/mlflow/runs/log-inputs", Access::Edit, log_inputs)
            .audited("run.log_inputs", "run:{run_id}"),
        post("2.0/mlflow/runs/outputs", Access::Edit, log_outputs)
            .audited("run.log_outputs", "run:{run_id}"),
        post(
            "2.0/mlflow/experiments/search-datasets",
            Access::Read,
            search_datasets,
        ),
    ]
}

async fn log_inputs(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<LogInputs>,
) -> Result<Reply<Empty>> {
    let inputs = request.check()?;
    app.change(ctx, move |tx, ctx| dataset::log_inputs(tx, ctx, &inputs))
        .await?;
    Ok(Reply(Empty {}))
}

async fn log_outputs(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<LogOutputs>,
) -> Result<Reply<Empty>> {
    let (uuid, outputs) = request.check()?;
    app.change(ctx, move |tx, ctx| {
        dataset::log_outputs(tx, ctx, &uuid, &outputs)
    })
    .await?;
    Ok(Reply(Empty {}))
}

async fn search_datasets(
    State(app): State<App>,
    Wire(request): Wire<SearchDatasets>,
) -> Result<Reply<DatasetSummaries>> {
    let experiment_ids = request.check()?;
    let summaries = app
        .db
        .read_anywhere(move |tx| dataset::summaries(tx, &experiment_ids))
        .await?;
    Ok(Reply(summaries.into()))
}
