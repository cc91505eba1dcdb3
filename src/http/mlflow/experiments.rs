//! Experiments.

use crate::app::{App, Ctx};
use crate::error::{Error, Result};
use crate::http::input::Wire;
use crate::http::reply::{Empty, Reply};
use crate::http::router::{Access, Route, get, post};
use crate::http::wire::experiment::{
    CreateExperiment, CreatedExperiment, ExperimentById, ExperimentByName, ExperimentPage,
    ExperimentReply, ExperimentTag, OneExperiment, RenameExperiment, SearchExperiments,
};
use crate::registry::freeze;
use crate::tracking::experiment::{self, Pair};
use crate::tracking::{rule, search};
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("2.0/mlflow/experiments/create", Access::Edit, create)
            .audited("experiment.create", "experiment:{experiment_id}"),
        get("2.0/mlflow/experiments/get", Access::Read, find),
        get(
            "2.0/mlflow/experiments/get-by-name",
            Access::Read,
            find_by_name,
        ),
        post("2.0/mlflow/experiments/search", Access::Read, search_all),
        get("2.0/mlflow/experiments/search", Access::Read, search_all),
        post("2.0/mlflow/experiments/update", Access::Edit, rename)
            .audited("experiment.rename", "experiment:{experiment_id}"),
        post("2.0/mlflow/experiments/delete", Access::Edit, delete)
            .audited("experiment.delete", "experiment:{experiment_id}"),
        post("2.0/mlflow/experiments/restore", Access::Edit, restore)
            .audited("experiment.restore", "experiment:{experiment_id}"),
        post(
            "2.0/mlflow/experiments/set-experiment-tag",
            Access::Edit,
            set_tag,
        )
        .audited("experiment.set_tag", "experiment:{experiment_id}"),
        post(
            "2.0/mlflow/experiments/delete-experiment-tag",
            Access::Edit,
            delete_tag,
        )
        .audited("experiment.delete_tag", "experiment:{experiment_id}"),
    ]
}

async fn create(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<CreateExperiment>,
) -> Result<Reply<CreatedExperiment>> {
    let new = request.check(&app.settings.location_policy)?;
    let root = app.settings.artifact_root.clone();
    let id = app
        .change(ctx, move |tx, ctx| experiment::create(tx, ctx, &new, &root))
        .await?;
    Ok(Reply(CreatedExperiment {
        experiment_id: id.to_string(),
    }))
}

async fn find(
    State(app): State<App>,
    Wire(request): Wire<ExperimentById>,
) -> Result<Reply<OneExperiment>> {
    let id = request.check()?;
    let experiment = app.db.read(move |tx| experiment::find(tx, id)).await?;
    Ok(Reply(OneExperiment {
        experiment: experiment.into(),
    }))
}

async fn find_by_name(
    State(app): State<App>,
    Wire(request): Wire<ExperimentByName>,
) -> Result<Reply<OneExperiment>> {
    let name = request.check()?;
    let experiment = app
        .db
        .read(move |tx| {
            experiment::find_by_name(tx, &name)?.ok_or_else(|| {
                Error::not_found(format!("Could not find experiment with name '{name}'"))
            })
        })
        .await?;
    Ok(Reply(OneExperiment {
        experiment: experiment.into(),
    }))
}

async fn search_all(
    State(app): State<App>,
    Wire(request): Wire<SearchExperiments>,
) -> Result<Reply<ExperimentPage>> {
    let search = request.check()?;
    let page = app
        .db
        .read_anywhere(move |tx| search::experiments(tx, &search))
        .await?;
    Ok(Reply(ExperimentPage {
        experiments: page.items.into_iter().map(ExperimentReply::from).collect(),
        next_page_token: page.next,
    }))
}

async fn rename(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RenameExperiment>,
) -> Result<Reply<Empty>> {
    let (id, name) = request.check()?;
    app.change(ctx, move |tx, ctx| experiment::rename(tx, ctx, id, &name))
        .await?;
    Ok(Reply(Empty {}))
}

async fn delete(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<ExperimentById>,
) -> Result<Reply<Empty>> {
    let id = request.check()?;
    app.change(ctx, move |tx, ctx| freeze::delete_experiment(tx, ctx, id))
        .await?;
    Ok(Reply(Empty {}))
}

async fn restore(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<ExperimentById>,
) -> Result<Reply<Empty>> {
    let id = request.check()?;
    app.change(ctx, move |tx, ctx| experiment::restore(tx, ctx, id))
        .await?;
    Ok(Reply(Empty {}))
}

async fn set_tag(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<ExperimentTag>,
) -> Result<Reply<Empty>> {
    let (id, key, value) = request.check()?;
    rule::check_experiment_tag(&key, &value)?;
    let tag = Pair { key, value };
    app.change(ctx, move |tx, _| experiment::set_tag(tx, id, &tag))
        .await?;
    Ok(Reply(Empty {}))
}

async fn delete_tag(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<ExperimentTag>,
) -> Result<Reply<Empty>> {
    let (id, key, _) = request.check()?;
    app.change(ctx, move |tx, _| experiment::delete_tag(tx, id, &key))
        .await?;
    Ok(Reply(Empty {}))
}
