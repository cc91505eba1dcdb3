//! The queries of MLflow's web pages, and what else GraphQL documents may be.

use crate::server::{Answer, TestServer};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};

/// All that MLflow's pages ask of a run.
const RUN: &str = "
    info {
        runName status runUuid experimentId artifactUri endTime lifecycleStage startTime userId
    }
    experiment {
        experimentId name tags { key value } artifactLocation lifecycleStage lastUpdateTime
    }
    modelVersions { status version name source creationTimestamp }
    data { metrics { key value step timestamp } params { key value } tags { key value } }
    inputs {
        datasetInputs {
            dataset { digest name profile schema source sourceType }
            tags { key value }
        }
        modelInputs { modelId }
    }
    outputs { modelOutputs { modelId step } }";

async fn ask(server: &TestServer, query: &str, variables: Json) -> Answer {
    let body = json!({ "query": query, "variables": variables });
    server.post("/graphql", body).await
}

/// Gives what is asked for as a line each: the fields that lead there, and the value.
fn leaves(value: &Json) -> String {
    fn add(path: &str, value: &Json, lines: &mut Vec<String>) {
        match value {
            Json::Object(fields) => fields
                .iter()
                .for_each(|(name, value)| add(&format!("{path}.{name}"), value, lines)),
            Json::Array(items) if !items.is_empty() => items
                .iter()
                .enumerate()
                .for_each(|(index, item)| add(&format!("{path}[{index}]"), item, lines)),
            value => lines.push(format!("{path} {value}")),
        }
    }
    let mut lines = Vec::new();
    add("", value, &mut lines);
    lines.join("\n")
}

/// Gives the errors of a document, one a line.
async fn errors(server: &TestServer, query: &str, variables: Json) -> String {
    let answer = ask(server, query, variables).await.ok();
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    let lines: Vec<&str> = errors.iter().map(|error| error.as_str().unwrap()).collect();
    lines.join("\n")
}

/// A run with something of everything, and its experiment.
async fn run(server: &TestServer) -> (String, String) {
    let experiment = server.experiment("churn").await;
    let tag = json!({ "experiment_id": experiment, "key": "team", "value": "growth" });
    server
        .post("experiments/set-experiment-tag", tag)
        .await
        .ok();
    let run = server.run(&experiment).await;
    let body = json!({
        "run_id": run,
        "metrics": [
            { "key": "loss", "value": 0.5, "timestamp": 1, "step": 0 },
            { "key": "loss", "value": 0.25, "timestamp": 2, "step": 1 },
            { "key": "odd", "value": "NaN", "timestamp": 1, "step": 0 },
            { "key": "wide", "value": "Infinity", "timestamp": 1, "step": 0 },
        ],
        "params": [{ "key": "lr", "value": "0.1" }],
        "tags": [{ "key": "color", "value": "blue" }],
    });
    server.post("runs/log-batch", body).await.ok();
    let body = json!({
        "run_id": run,
        "datasets": [{
            "tags": [{ "key": "mlflow.data.context", "value": "training" }],
            "dataset": { "name": "d", "digest": "1f", "source_type": "s3", "source": "s3://b/d" },
        }],
        "models": [],
    });
    server.post("runs/log-inputs", body).await.ok();
    server
        .post("registered-models/create", json!({ "name": "m" }))
        .await
        .ok();
    for source in ["s3://b/1", "s3://b/2"] {
        let body = json!({ "name": "m", "source": source, "run_id": run });
        server.post("model-versions/create", body).await.ok();
    }
    (experiment, run)
}

#[tokio::test]
async fn the_page_of_a_run_is_answered() {
    let server = TestServer::start().await;
    let (_, run) = run(&server).await;
    let query = format!(
        "query GetRun($data: MlflowGetRunInput!) @component(name: \"Run\") {{
            mlflowGetRun(input: $data) {{
                apiError {{ helpUrl code message }}
                run {{ {RUN} }}
            }}
        }}"
    );
    let answer = ask(&server, &query, json!({ "data": { "runId": run } })).await;
    let answer = answer.ok();
    assert_eq!(answer["errors"], Json::Null);
    insta::assert_snapshot!(leaves(&answer["data"]["mlflowGetRun"]), @r#"
    .apiError null
    .run.data.metrics[0].key "loss"
    .run.data.metrics[0].step "1"
    .run.data.metrics[0].timestamp "2"
    .run.data.metrics[0].value 0.25
    .run.data.metrics[1].key "odd"
    .run.data.metrics[1].step "0"
    .run.data.metrics[1].timestamp "1"
    .run.data.metrics[1].value null
    .run.data.metrics[2].key "wide"
    .run.data.metrics[2].step "0"
    .run.data.metrics[2].timestamp "1"
    .run.data.metrics[2].value 1.7976931348623157e+308
    .run.data.params[0].key "lr"
    .run.data.params[0].value "0.1"
    .run.data.tags[0].key "color"
    .run.data.tags[0].value "blue"
    .run.data.tags[1].key "mlflow.runName"
    .run.data.tags[1].value "r"
    .run.experiment.artifactLocation "mlflow-artifacts:/1"
    .run.experiment.experimentId "1"
    .run.experiment.lastUpdateTime "1700000000000"
    .run.experiment.lifecycleStage "active"
    .run.experiment.name "churn"
    .run.experiment.tags[0].key "team"
    .run.experiment.tags[0].value "growth"
    .run.info.artifactUri "mlflow-artifacts:/1/00000000000000000000000000000004/artifacts"
    .run.info.endTime "0"
    .run.info.experimentId "1"
    .run.info.lifecycleStage "active"
    .run.info.runName "r"
    .run.info.runUuid "00000000000000000000000000000004"
    .run.info.startTime "0"
    .run.info.status "RUNNING"
    .run.info.userId ""
    .run.inputs.datasetInputs[0].dataset.digest "1f"
    .run.inputs.datasetInputs[0].dataset.name "d"
    .run.inputs.datasetInputs[0].dataset.profile ""
    .run.inputs.datasetInputs[0].dataset.schema ""
    .run.inputs.datasetInputs[0].dataset.source "s3://b/d"
    .run.inputs.datasetInputs[0].dataset.sourceType "s3"
    .run.inputs.datasetInputs[0].tags[0].key "mlflow.data.context"
    .run.inputs.datasetInputs[0].tags[0].value "training"
    .run.inputs.modelInputs []
    .run.modelVersions[0].creationTimestamp "1700000000000"
    .run.modelVersions[0].name "m"
    .run.modelVersions[0].source "s3://b/2"
    .run.modelVersions[0].status "READY"
    .run.modelVersions[0].version "2"
    .run.modelVersions[1].creationTimestamp "1700000000000"
    .run.modelVersions[1].name "m"
    .run.modelVersions[1].source "s3://b/1"
    .run.modelVersions[1].status "READY"
    .run.modelVersions[1].version "1"
    .run.outputs.modelOutputs []
    "#);
}

#[tokio::test]
async fn the_search_of_runs_is_answered_like_the_page_of_each() {
    let server = TestServer::start().await;
    let (experiment, first) = run(&server).await;
    let second = server.run(&experiment).await;
    let query = format!(
        "query SearchRuns($data: MlflowSearchRunsInput!) {{
            mlflowSearchRuns(input: $data) {{
                apiError {{ helpUrl code message }}
                runs {{ {RUN} }}
                nextPageToken
            }}
        }}"
    );
    let data = json!({ "data": { "experimentIds": [experiment], "orderBy": ["start_time"] } });
    let found = ask(&server, &query, data.clone()).await.ok();
    let found = &found["data"]["mlflowSearchRuns"];
    assert_eq!(found["nextPageToken"], "");
    let one = format!(
        "query Q($id: String) {{ mlflowGetRun(input: {{ runId: $id }}) {{ run {{ {RUN} }} }} }}"
    );
    let mut expected = Vec::new();
    for id in [&first, &second] {
        let answer = ask(&server, &one, json!({ "id": id })).await.ok();
        expected.push(answer["data"]["mlflowGetRun"]["run"].clone());
    }
    let mut runs = found["runs"].as_array().unwrap().clone();
    runs.sort_by_key(|run| run["info"]["runUuid"] != first.as_str());
    assert_eq!(runs, expected);
    assert_eq!(runs[1]["modelVersions"], json!([]));
    // The same search, by the name that MLflow's schema has for it among the mutations.
    let mutation = query.replacen("query", "mutation", 1);
    let again = ask(&server, &mutation, data).await.ok();
    assert_eq!(again["data"]["mlflowSearchRuns"], *found);
}

#[tokio::test]
async fn a_search_comes_in_pages_and_shows_what_is_deleted() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(server.run(&experiment).await);
    }
    server
        .post("runs/delete", json!({ "run_id": made[0] }))
        .await
        .ok();
    let query = "query Q($data: MlflowSearchRunsInput!) {
        mlflowSearchRuns(input: $data) { nextPageToken runs { info { runId status } } }
    }";
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let data = json!({ "data": {
            "experimentIds": [experiment], "maxResults": 1, "pageToken": token,
            "runViewType": "ALL",
        } });
        let page = ask(&server, query, data).await.ok();
        let page = &page["data"]["mlflowSearchRuns"];
        for run in page["runs"].as_array().unwrap() {
            found.push(run["info"]["runId"].as_str().unwrap().to_owned());
        }
        page["nextPageToken"]
            .as_str()
            .unwrap()
            .clone_into(&mut token);
        if token.is_empty() {
            break;
        }
    }
    found.sort();
    made.sort();
    assert_eq!(found, made);
}

#[tokio::test]
async fn the_chart_of_a_metric_is_answered() {
    let server = TestServer::start().await;
    let (_, run) = run(&server).await;
    let query =
        "query GetMetricHistoryBulkInterval($data: MlflowGetMetricHistoryBulkIntervalInput!)
        @component(name: \"Chart\") {
        mlflowGetMetricHistoryBulkInterval(input: $data) {
            __typename
            metrics { timestamp step runId key value }
            apiError { code message }
        }
    }";
    let data = json!({ "data": { "runIds": [run], "metricKey": "loss", "maxResults": 320 } });
    insta::assert_snapshot!(ask(&server, query, data).await.shown(), @r#"
    200
    {
      "data": {
        "mlflowGetMetricHistoryBulkInterval": {
          "__typename": "MlflowGetMetricHistoryBulkIntervalResponse",
          "apiError": null,
          "metrics": [
            {
              "key": "loss",
              "runId": "00000000000000000000000000000004",
              "step": "0",
              "timestamp": "1",
              "value": 0.5
            },
            {
              "key": "loss",
              "runId": "00000000000000000000000000000004",
              "step": "1",
              "timestamp": "2",
              "value": 0.25
            }
          ]
        }
      },
      "errors": null
    }
    "#);
    // A value that is no number is null.
    let data = json!({ "data": { "runIds": [run], "metricKey": "odd" } });
    let odd = ask(&server, query, data).await.ok();
    assert_eq!(odd["errors"], Json::Null);
    let metrics = &odd["data"]["mlflowGetMetricHistoryBulkInterval"]["metrics"];
    assert_eq!(metrics[0]["value"], Json::Null);
    let data = json!({ "data": { "runIds": [run], "metricKey": "wide" } });
    let wide = ask(&server, query, data).await.ok();
    let metrics = &wide["data"]["mlflowGetMetricHistoryBulkInterval"]["metrics"];
    assert_eq!(metrics[0]["value"], f64::MAX);
}

#[tokio::test]
async fn the_page_of_an_experiment_is_answered() {
    let server = TestServer::start().await;
    let (experiment, _) = run(&server).await;
    let query = "query MlflowGetExperimentQuery($input: MlflowGetExperimentInput!)
        @component(name: \"Experiment\") {
        mlflowGetExperiment(input: $input) {
            apiError { code message }
            experiment {
                artifactLocation creationTime effectiveTraceArchivalRetention experimentId
                lastUpdateTime lifecycleStage name tags { key value } workspace
            }
        }
    }";
    let input = json!({ "input": { "experimentId": experiment } });
    insta::assert_snapshot!(ask(&server, query, input).await.shown(), @r#"
    200
    {
      "data": {
        "mlflowGetExperiment": {
          "apiError": null,
          "experiment": {
            "artifactLocation": "mlflow-artifacts:/1",
            "creationTime": "1700000000000",
            "effectiveTraceArchivalRetention": "",
            "experimentId": "1",
            "lastUpdateTime": "1700000000000",
            "lifecycleStage": "active",
            "name": "churn",
            "tags": [
              {
                "key": "team",
                "value": "growth"
              }
            ],
            "workspace": "default"
          }
        }
      },
      "errors": null
    }
    "#);
    let missing = json!({ "input": { "experimentId": "77" } });
    insta::assert_snapshot!(ask(&server, query, missing).await.shown(), @r#"
    200
    {
      "data": {
        "mlflowGetExperiment": null
      },
      "errors": [
        "No Experiment with id=77 exists"
      ]
    }
    "#);
}

#[tokio::test]
async fn versions_and_files_are_answered() {
    let server = TestServer::start().await;
    let (experiment, run) = run(&server).await;
    let path = format!("{experiment}/{run}/artifacts/notes/a.txt");
    assert_eq!(server.put_file(&path, "abc").await.status, 200);
    let query = format!(
        "{{
            mlflowSearchModelVersions(input: {{ filter: \"name = 'm'\", maxResults: \"1\" }}) {{
                modelVersions {{
                    name version creationTimestamp lastUpdatedTimestamp userId currentStage
                    description source runId status statusMessage tags {{ key value }} runLink
                    aliases modelId modelParams {{ name }} modelMetrics {{ key }}
                }}
            }}
            root: mlflowListArtifacts(input: {{ runId: \"{run}\" }}) {{
                rootUri nextPageToken files {{ path isDir fileSize }}
            }}
            folder: mlflowListArtifacts(input: {{ runId: \"{run}\", path: \"notes\" }}) {{
                files {{ path isDir fileSize }}
            }}
        }}"
    );
    let answer = ask(&server, &query, Json::Null).await.ok();
    assert_eq!(answer["errors"], Json::Null);
    insta::assert_snapshot!(leaves(&answer["data"]), @r#"
    .folder.files[0].fileSize "3"
    .folder.files[0].isDir false
    .folder.files[0].path "notes/a.txt"
    .mlflowSearchModelVersions.modelVersions[0].aliases []
    .mlflowSearchModelVersions.modelVersions[0].creationTimestamp "1700000000000"
    .mlflowSearchModelVersions.modelVersions[0].currentStage "None"
    .mlflowSearchModelVersions.modelVersions[0].description ""
    .mlflowSearchModelVersions.modelVersions[0].lastUpdatedTimestamp "1700000000000"
    .mlflowSearchModelVersions.modelVersions[0].modelId ""
    .mlflowSearchModelVersions.modelVersions[0].modelMetrics []
    .mlflowSearchModelVersions.modelVersions[0].modelParams []
    .mlflowSearchModelVersions.modelVersions[0].name "m"
    .mlflowSearchModelVersions.modelVersions[0].runId "00000000000000000000000000000004"
    .mlflowSearchModelVersions.modelVersions[0].runLink ""
    .mlflowSearchModelVersions.modelVersions[0].source "s3://b/2"
    .mlflowSearchModelVersions.modelVersions[0].status "READY"
    .mlflowSearchModelVersions.modelVersions[0].statusMessage ""
    .mlflowSearchModelVersions.modelVersions[0].tags []
    .mlflowSearchModelVersions.modelVersions[0].userId ""
    .mlflowSearchModelVersions.modelVersions[0].version "2"
    .root.files[0].fileSize "0"
    .root.files[0].isDir true
    .root.files[0].path "notes"
    .root.nextPageToken ""
    .root.rootUri "mlflow-artifacts:/1/00000000000000000000000000000004/artifacts"
    "#);
}

#[tokio::test]
async fn datasets_are_answered() {
    let server = TestServer::start().await;
    let (experiment, _) = run(&server).await;
    let query = format!(
        "mutation {{
            mlflowSearchDatasets(input: {{ experimentIds: [\"{experiment}\"] }}) {{
                datasetSummaries {{ experimentId name digest context }}
            }}
            testMutation(inputString: \"a\") {{ output }}
        }}"
    );
    insta::assert_snapshot!(ask(&server, &query, Json::Null).await.shown(), @r#"
    200
    {
      "data": {
        "mlflowSearchDatasets": {
          "datasetSummaries": [
            {
              "context": "training",
              "digest": "1f",
              "experimentId": "1",
              "name": "d"
            }
          ]
        },
        "testMutation": {
          "output": "a"
        }
      },
      "errors": null
    }
    "#);
}

#[tokio::test]
async fn a_document_says_which_of_its_operations_is_meant() {
    let server = TestServer::start().await;
    let query = "query A { test(inputString: \"a\") { output } }
        query B($b: String!) { test(inputString: $b) { output } }";
    let body = json!({ "query": query, "variables": { "b": "c" }, "operationName": "B" });
    let answer = server.post("/graphql", body).await.ok();
    assert_eq!(
        answer,
        json!({ "data": { "test": { "output": "c" } }, "errors": null })
    );
    let body = json!({ "query": query, "operationName": "C" });
    let unknown = server.post("/graphql", body).await.ok();
    assert_eq!(unknown["data"], Json::Null);
}

#[tokio::test]
async fn a_get_carries_the_query_in_its_address() {
    let server = TestServer::start().await;
    let path = "/graphql?query=query($a:String!)%7Btest(inputString:$a)%7Boutput%7D%7D\
        &variables=%7B%22a%22:%22x%22%7D";
    let answer = server.get(path).await.ok();
    assert_eq!(answer["data"]["test"]["output"], "x");
}

#[tokio::test]
async fn the_static_prefix_stands_before_it_and_artifacts_alone_have_none() {
    let server = TestServer::start_with(|c| c.server.static_prefix = "/ml".into()).await;
    let body = json!({ "query": "{ test(inputString: \"a\") { output } }" });
    let answer = server.post("/ml/graphql", body.clone()).await.ok();
    assert_eq!(answer["data"]["test"]["output"], "a");
    let server = TestServer::start_with(|c| c.artifacts.only = true).await;
    assert_eq!(server.post("/graphql", body).await.refused().0, 503);
}

#[tokio::test]
async fn bad_documents_are_told_what_is_wrong_with_them() {
    let server = TestServer::start().await;
    let mut shown = Vec::new();
    for (query, variables) in [
        ("{ nope ", json!({})),
        ("{ nope }", json!({})),
        (
            "{ mlflowGetRun(input: { runId: \"x\" }) { nope } }",
            json!({}),
        ),
        ("{ mlflowGetRun { run { info { runId } } } }", json!({})),
        (
            "query Q($a: String!) { test(inputString: $a) { output } }",
            json!({}),
        ),
        (
            "query Q($a: String!) { test(inputString: $a) { output } }",
            json!({ "a": 5 }),
        ),
        ("query Q @other { test { output } }", json!({})),
        ("query Q @component { test { output } }", json!({})),
        ("subscription { test }", json!({})),
        (
            "{ mlflowSearchRuns(input: { runViewType: NOPE }) { nextPageToken } }",
            json!({}),
        ),
        (
            "{ mlflowSearchRuns(input: { filter: \"nope\" }) { nextPageToken } }",
            json!({}),
        ),
        (
            "{ mlflowSearchModelVersions(input: { maxResults: \"x\" }) { nextPageToken } }",
            json!({}),
        ),
    ] {
        let told = errors(&server, query, variables).await;
        assert!(!told.is_empty(), "{query}");
        shown.push(told);
    }
    insta::assert_snapshot!(shown.join("\n"), @r#"
    Syntax Error:  --> 1:8
      |
    1 | { nope 
      |        ^---
      |
      = expected selection_set, selection, directive, or arguments
    Unknown field "nope" on type "Query".
    Unknown field "nope" on type "MlflowGetRunResponse".
    Missing value for required parameter 'run_id'. See the API docs for more information about request parameters.
    Variable a is not defined.
    Invalid value for argument "inputString", expected type "String"
    Unknown directive "other"
    Directive '@component' argument 'name' of type 'String!' is required, but it was not provided.
    Schema is not configured for subscriptions.
    Schema is not configured for subscriptions.
    Invalid value for argument "input.runViewType", enumeration type "MlflowViewType" does not contain the value "NOPE"
    Invalid clause(s) in filter string: 'nope'
    Expected input type "LongString", found "x". (occurred while parsing "MlflowSearchModelVersionsInput")
    "#);
}

#[tokio::test]
async fn a_request_without_a_document_is_refused() {
    let server = TestServer::start().await;
    let mut shown = Vec::new();
    for body in [
        "{}",
        "",
        "[{\"query\": \"{ test { output } }\"}]",
        "{\"query\": 5}",
        "{\"query\": \"{ test { output } }\", \"variables\": [1]}",
        "{\"query\": \"{ test { output } }\", \"operationName\": {}}",
    ] {
        let (status, _, message) = server.send_text("POST", "/graphql", body).await.refused();
        shown.push(format!("{status} {message}"));
    }
    insta::assert_snapshot!(shown.join("\n"), @r"
    400 Missing value for required parameter 'query'. See the API docs for more information about request parameters.
    400 Missing value for required parameter 'query'. See the API docs for more information about request parameters.
    400 Missing value for required parameter 'query'. See the API docs for more information about request parameters.
    400 Invalid value 5 for parameter 'query' supplied:  Hint: Value was of type 'int'. See the API docs for more information about request parameters.
    400 variables must be a JSON object.
    400 Invalid value {} for parameter 'operationName' supplied:  Hint: Value was of type 'dict'. See the API docs for more information about request parameters.
    ");
    let untyped = Request::post("/graphql").body(Body::from("query=x"));
    let untyped = server.send(untyped.unwrap()).await;
    assert_eq!(
        untyped.refused().2,
        "Bad Request. Content-Type header is missing."
    );
}

#[tokio::test]
async fn what_asks_for_too_much_is_not_carried_out() {
    let server = TestServer::start_with(|config| {
        config.server.graphql_max_root_fields = 3;
        config.server.graphql_max_aliases = 4;
    });
    let server = server.await;
    let roots = |count: usize| {
        let fields = (0..count).map(|n| format!("a{n}: test {{ output }}"));
        format!("{{ {} }}", fields.collect::<Vec<_>>().join(" "))
    };
    let aliases = |count: usize| {
        let fields = (0..count).map(|n| format!("a{n}: output"));
        format!("{{ test {{ {} }} }}", fields.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(errors(&server, &roots(3), json!({})).await, "");
    assert_eq!(errors(&server, &aliases(4), json!({})).await, "");
    let deep = "{ __schema { types { fields { type { ofType { ofType { ofType { ofType { ofType \
        { ofType { name } } } } } } } } } } }";
    let long = format!("{{ test {{ output }} }} # {}", "x".repeat(70_000));
    let circle = "{ test { ...F } } fragment F on Test { ...F }";
    let mut shown = Vec::new();
    for query in [&roots(4), &aliases(5), deep, &long, circle] {
        shown.push(errors(&server, query, json!({})).await);
    }
    insta::assert_snapshot!(shown.join("\n"), @r"
    GraphQL queries should have at most 3 root fields, got 4 root fields. To increase the limit, set the MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS environment variable.
    GraphQL queries should have at most 4 aliases, got 5 aliases. To increase the limit, set the MLFLOW_SERVER_GRAPHQL_MAX_ALIASES environment variable.
    Query exceeds maximum depth of 10
    The query has 70022 bytes, and may have 65536.
    Query exceeds maximum total selections of 1000
    ");
}

#[tokio::test]
async fn the_schema_can_be_looked_at() {
    let server = TestServer::start().await;
    let query = "{
        __schema { queryType { fields { name } } mutationType { fields { name } } }
        __type(name: \"MlflowRunExtension\") { fields { name } }
    }";
    let names = |list: &Json| {
        let fields = list["fields"].as_array().unwrap().iter();
        let names = fields.map(|field| field["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    let data = ask(&server, query, json!({})).await.ok()["data"].clone();
    assert_eq!(
        names(&data["__schema"]["queryType"]),
        "mlflowGetExperiment mlflowGetMetricHistoryBulkInterval mlflowGetRun mlflowListArtifacts \
         mlflowSearchModelVersions mlflowSearchRuns test"
    );
    assert_eq!(
        names(&data["__schema"]["mutationType"]),
        "mlflowSearchDatasets mlflowSearchRuns testMutation"
    );
    assert_eq!(
        names(&data["__type"]),
        "info data inputs outputs experiment modelVersions"
    );
}
