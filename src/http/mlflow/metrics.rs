//! Histories of metrics.

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::input::{Query, Wire};
use crate::http::reply::Reply;
use crate::http::router::{Access, Route, get};
use crate::http::wire::metric::{BulkHistory, GetHistory, GetInterval, History, MetricReply};
use crate::tracking::history::{self, MAX_BULK, MAX_RUNS, SeriesOf};
use axum::extract::State;
use std::sync::Arc;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("2.0/mlflow/metrics/get-history", Access::Read, page),
        get(
            "2.0/mlflow/metrics/get-history-bulk-interval",
            Access::Read,
            interval,
        ),
        get("2.0/mlflow/metrics/get-history-bulk", Access::Read, bulk).ajax_only(),
    ]
}

async fn page(State(app): State<App>, Wire(request): Wire<GetHistory>) -> Result<Reply<History>> {
    let request = request.check()?;
    let key: Arc<str> = request.key.as_str().into();
    let page = app
        .db
        .read_anywhere(move |tx| {
            let token = request.token.as_deref();
            let of = SeriesOf {
                run_uuid: &request.run_uuid,
                key: &request.key,
            };
            history::page(tx, of, request.limit, token)
        })
        .await?;
    let metrics = page
        .points
        .into_iter()
        .map(|point| MetricReply::of(key.clone(), point))
        .collect();
    Ok(Reply(History {
        metrics,
        next_page_token: page.next,
    }))
}

async fn interval(
    State(app): State<App>,
    Wire(request): Wire<GetInterval>,
) -> Result<Reply<History>> {
    sampled(&app, request).await.map(Reply)
}

/// Samples the histories of several runs.
pub(in crate::http) async fn sampled(app: &App, request: GetInterval) -> Result<History> {
    let request = request.check()?;
    let metrics = app
        .db
        .read_anywhere(move |tx| {
            let mut metrics = Vec::new();
            let key: Arc<str> = request.key.as_str().into();
            for uuid in &request.run_uuids {
                let of = SeriesOf {
                    run_uuid: uuid,
                    key: &request.key,
                };
                let points = history::sample(tx, of, request.count, request.steps)?;
                let uuid: Arc<str> = uuid.as_str().into();
                let of_run = |point| MetricReply::of_run(&key, point, &uuid);
                metrics.extend(points.into_iter().map(of_run));
            }
            Ok(metrics)
        })
        .await?;
    Ok(History {
        metrics,
        next_page_token: None,
    })
}

async fn bulk(State(app): State<App>, query: Query) -> Result<Reply<BulkHistory>> {
    let run_uuids = query.all("run_id");
    if run_uuids.is_empty() {
        return Err(Error::invalid(
            "GetMetricHistoryBulk request must specify at least one run_id.",
        ));
    }
    if run_uuids.len() > MAX_RUNS {
        return Err(Error::invalid(format!(
            "GetMetricHistoryBulk request cannot specify more than {MAX_RUNS} run_ids. Received \
             {} run_ids.",
            run_uuids.len()
        )));
    }
    let key = query
        .first("metric_key")
        .map(Arc::<str>::from)
        .ok_or_else(|| Error::invalid("GetMetricHistoryBulk request must specify a metric_key."))?;
    let limit = match query.first("max_results") {
        None => MAX_BULK,
        Some(text) => text.trim().parse::<usize>().map_err(|_| {
            Error::invalid(format!(
                "Invalid value \"{text}\" for parameter 'max_results' supplied: it must be a \
                 whole number of 0 or more."
            ))
        })?,
    };
    let metrics = app
        .db
        .read_anywhere(move |tx| {
            let points = history::bulk(tx, &run_uuids, &key, limit.min(MAX_BULK))?;
            Ok(points
                .into_iter()
                .map(|(uuid, point)| MetricReply::of_run(&key, point, &uuid))
                .collect())
        })
        .await?;
    Ok(Reply(BulkHistory { metrics }))
}
