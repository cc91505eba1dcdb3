//! The root fields of MLflow's schema, each on top of what its REST route calls.

use super::input::{
    MlflowGetExperimentInput, MlflowGetMetricHistoryBulkIntervalInput, MlflowGetRunInput,
    MlflowListArtifactsInput, MlflowSearchDatasetsInput, MlflowSearchModelVersionsInput,
    MlflowSearchRunsInput, message,
};
use super::types::{
    MlflowExperiment, MlflowGetExperimentResponse, MlflowGetMetricHistoryBulkIntervalResponse,
    MlflowGetRunResponse, MlflowListArtifactsResponse, MlflowModelVersion, MlflowRunExtension,
    MlflowSearchDatasetsResponse, MlflowSearchModelVersionsResponse, MlflowSearchRunsResponse,
    Test, TestMutation, from_reply,
};
use crate::app::App;
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use crate::http::mlflow::{artifacts, metrics};
use crate::http::wire::dataset::{DatasetSummaries, SearchDatasets};
use crate::http::wire::experiment::{ExperimentById, ExperimentReply, OneExperiment};
use crate::http::wire::model_version::{SearchRegistry, VersionPage, VersionReply};
use crate::http::wire::run::{OneRun, RunById, RunPage, RunReply, SearchRuns};
use crate::registry;
use crate::tracking::{assemble, dataset, experiment, run, search};
use async_graphql::{Context, EmptySubscription, Lookahead, Object, Schema};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Runs whose versions are found in one search.
const CHUNK: usize = 500;
/// Versions of so many runs that one search finds; more than `CHUNK` runs have.
const MAX_VERSIONS: usize = 200_000;

pub type MlflowSchema = Schema<Query, Mutation, EmptySubscription>;

/// Builds the schema.
pub fn schema() -> MlflowSchema {
    Schema::build(Query, Mutation, EmptySubscription)
        .limit_directives(20)
        .disable_suggestions()
        .finish()
}

pub struct Query;

pub struct Mutation;

/// An answer, or an error beside a null: it is the option outside that keeps the other fields.
type Outcome<T> = Option<std::result::Result<T, async_graphql::Error>>;

/// Gives the answer of a field, or the text of its error.
fn told<T>(outcome: Result<T>) -> Outcome<T> {
    Some(outcome.map_err(|error| {
        if error.code == Code::Internal {
            let cause = error.cause.as_ref().map(ToString::to_string);
            let cause = cause.unwrap_or_default();
            tracing::error!(%cause, at = %error.at, "a GraphQL field failed: {error}");
        }
        async_graphql::Error::new(error.message)
    }))
}

fn app(ctx: &Context<'_>) -> Result<App> {
    ctx.data::<App>()
        .cloned()
        .map_err(|_| Error::internal("A GraphQL query came without the server's state."))
}

/// Which of the fields of a run that cost a query of their own are asked for.
#[derive(Debug, Clone, Copy)]
struct Extras {
    experiment: bool,
    model_versions: bool,
}

impl Extras {
    fn of(run: &Lookahead<'_>) -> Self {
        Self {
            experiment: run.field("experiment").exists(),
            model_versions: run.field("modelVersions").exists(),
        }
    }
}

#[Object]
impl Query {
    async fn mlflow_get_experiment(
        &self,
        ctx: &Context<'_>,
        input: Option<MlflowGetExperimentInput>,
    ) -> Outcome<MlflowGetExperimentResponse> {
        told(find_experiment(ctx, input.unwrap_or_default()).await)
    }

    async fn mlflow_get_metric_history_bulk_interval(
        &self,
        ctx: &Context<'_>,
        input: Option<MlflowGetMetricHistoryBulkIntervalInput>,
    ) -> Outcome<MlflowGetMetricHistoryBulkIntervalResponse> {
        told(sample(ctx, input.unwrap_or_default()).await)
    }

    async fn mlflow_get_run(
        &self,
        ctx: &Context<'_>,
        input: Option<MlflowGetRunInput>,
    ) -> Outcome<MlflowGetRunResponse> {
        told(find_run(ctx, input.unwrap_or_default()).await)
    }

    async fn mlflow_list_artifacts(
        &self,
        ctx: &Context<'_>,
        input: Option<MlflowListArtifactsInput>,
    ) -> Outcome<MlflowListArtifactsResponse> {
        told(list_artifacts(ctx, input.unwrap_or_default()).await)
    }

    async fn mlflow_search_model_versions(
        &self,
        ctx: &Context<'_>,
        input: Option<MlflowSearchModelVersionsInput>,
    ) -> Outcome<MlflowSearchModelVersionsResponse> {
        told(search_versions(ctx, input.unwrap_or_default()).await)
    }

    async fn mlflow_search_runs(
        &self,
        ctx: &Context<'_>,
        input: Option<MlflowSearchRunsInput>,
    ) -> Outcome<MlflowSearchRunsResponse> {
        told(search_runs(ctx, input.unwrap_or_default()).await)
    }

    /// Simple echoing field
    async fn test(&self, input_string: Option<String>) -> Option<Test> {
        Some(Test {
            output: input_string,
        })
    }
}

#[Object]
impl Mutation {
    async fn mlflow_search_datasets(
        &self,
        ctx: &Context<'_>,
        input: Option<MlflowSearchDatasetsInput>,
    ) -> Outcome<MlflowSearchDatasetsResponse> {
        told(search_datasets(ctx, input.unwrap_or_default()).await)
    }

    async fn mlflow_search_runs(
        &self,
        ctx: &Context<'_>,
        input: Option<MlflowSearchRunsInput>,
    ) -> Outcome<MlflowSearchRunsResponse> {
        told(search_runs(ctx, input.unwrap_or_default()).await)
    }

    /// Simple echoing field
    async fn test_mutation(&self, input_string: Option<String>) -> Option<TestMutation> {
        Some(TestMutation {
            output: input_string,
        })
    }
}

async fn find_experiment(
    ctx: &Context<'_>,
    input: MlflowGetExperimentInput,
) -> Result<MlflowGetExperimentResponse> {
    let id = message::<_, ExperimentById>(&input)?.check()?;
    let app = app(ctx)?;
    let found = app.db.read(move |tx| experiment::find(tx, id));
    from_reply(&OneExperiment {
        experiment: found.await?.into(),
    })
}

async fn sample(
    ctx: &Context<'_>,
    input: MlflowGetMetricHistoryBulkIntervalInput,
) -> Result<MlflowGetMetricHistoryBulkIntervalResponse> {
    from_reply(&metrics::sampled(&app(ctx)?, message(&input)?).await?)
}

async fn list_artifacts(
    ctx: &Context<'_>,
    input: MlflowListArtifactsInput,
) -> Result<MlflowListArtifactsResponse> {
    from_reply(&artifacts::list_of_run(&app(ctx)?, message(&input)?).await?)
}

async fn search_datasets(
    ctx: &Context<'_>,
    input: MlflowSearchDatasetsInput,
) -> Result<MlflowSearchDatasetsResponse> {
    let experiment_ids = message::<_, SearchDatasets>(&input)?.check()?;
    let app = app(ctx)?;
    let found = app
        .db
        .read_anywhere(move |tx| dataset::summaries(tx, &experiment_ids));
    from_reply(&DatasetSummaries::from(found.await?))
}

async fn search_versions(
    ctx: &Context<'_>,
    input: MlflowSearchModelVersionsInput,
) -> Result<MlflowSearchModelVersionsResponse> {
    let search = message::<_, SearchRegistry>(&input)?.check_versions()?;
    let app = app(ctx)?;
    let found = app
        .db
        .read_anywhere(move |tx| registry::search::versions(tx, &search));
    let page = found.await?;
    from_reply(&VersionPage {
        model_versions: page.items.into_iter().map(VersionReply::from).collect(),
        next_page_token: page.next,
    })
}

async fn find_run(ctx: &Context<'_>, input: MlflowGetRunInput) -> Result<MlflowGetRunResponse> {
    let uuid = message::<_, RunById>(&input)?.check()?;
    let extras = Extras::of(&ctx.look_ahead().field("run"));
    let app = app(ctx)?;
    let read = app.db.read(move |tx| {
        let run = run::find(tx, &uuid)?;
        let full = assemble::load(tx, vec![run])?.pop();
        let full =
            full.ok_or_else(|| Error::internal("A run that was found could not be read."))?;
        let reply = OneRun {
            run: RunReply::whole(full),
        };
        let mut response: MlflowGetRunResponse = from_reply(&reply)?;
        add(tx, response.run.as_mut_slice(), extras)?;
        Ok(response)
    });
    read.await
}

async fn search_runs(
    ctx: &Context<'_>,
    input: MlflowSearchRunsInput,
) -> Result<MlflowSearchRunsResponse> {
    let (experiment_ids, search) = message::<_, SearchRuns>(&input)?.check()?;
    let extras = Extras::of(&ctx.look_ahead().field("runs"));
    let app = app(ctx)?;
    let read = app.db.read_anywhere(move |tx| {
        let page = search::runs(tx, &experiment_ids, &search)?;
        let reply = RunPage {
            runs: page.items.into_iter().map(RunReply::found).collect(),
            next_page_token: page.next,
        };
        let mut response: MlflowSearchRunsResponse = from_reply(&reply)?;
        let runs = response.runs.as_deref_mut().unwrap_or_default();
        add(tx, runs, extras)?;
        Ok(response)
    });
    read.await
}

/// Adds to runs what else is asked for of them.
fn add(tx: &mut Tx<'_>, runs: &mut [MlflowRunExtension], extras: Extras) -> Result<()> {
    if extras.experiment {
        add_experiments(tx, runs)?;
    }
    if extras.model_versions {
        add_versions(tx, runs)?;
    }
    Ok(())
}

/// Adds the experiments, each of which is read once.
fn add_experiments(tx: &mut Tx<'_>, runs: &mut [MlflowRunExtension]) -> Result<()> {
    let mut known: HashMap<i64, MlflowExperiment> = HashMap::new();
    for run in runs {
        let info = run.info.as_ref();
        let id = info.and_then(|info| info.experiment_id.as_ref()?.parse().ok());
        let Some(id) = id else { continue };
        let experiment = match known.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let found = ExperimentReply::from(experiment::find(tx, id)?);
                new.insert(from_reply(&found)?)
            }
        };
        run.experiment = Some(experiment.clone());
    }
    Ok(())
}

/// Adds the versions that were made of each run, in the order of a search.
fn add_versions(tx: &mut Tx<'_>, runs: &mut [MlflowRunExtension]) -> Result<()> {
    for chunk in runs.chunks_mut(CHUNK) {
        let ids: Vec<String> = chunk.iter().filter_map(quoted_id).collect();
        if ids.is_empty() {
            continue;
        }
        let search = registry::search::Search {
            filter: format!("run_id IN ({})", ids.join(", ")),
            order_by: Vec::new(),
            max_results: MAX_VERSIONS,
            page_token: None,
        };
        let mut of_runs: HashMap<String, Vec<MlflowModelVersion>> = HashMap::new();
        for version in registry::search::versions(tx, &search)?.items {
            let run_id = version.run_id.clone();
            let version = from_reply(&VersionReply::from(version))?;
            of_runs.entry(run_id).or_default().push(version);
        }
        for run in chunk {
            let id = run.info.as_ref().and_then(|info| info.run_id.as_ref());
            let versions = id.and_then(|id| of_runs.remove(id));
            run.model_versions = Some(versions.unwrap_or_default());
        }
    }
    Ok(())
}

/// Gives the id of a run as a filter holds it; run ids are letters and digits.
fn quoted_id(run: &MlflowRunExtension) -> Option<String> {
    let id = run.info.as_ref()?.run_id.as_ref()?;
    let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| format!("'{id}'"))
}
