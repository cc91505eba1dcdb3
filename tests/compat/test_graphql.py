"""The queries of MLflow's own web pages, compared with the answers of MLflow's own server."""

import math
import re
from pathlib import Path

import compat_server
import mlflow
import pytest
import requests
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from support import unique

pytestmark = pytest.mark.time_limit(180)

SCRIPTS = Path(mlflow.__file__).parent / "server" / "js" / "build" / "static" / "js"
DOCUMENT = re.compile(r"`\s*(query \w+\(\$\w+: Mlflow\w+Input!\)[^`]*)`")
# Of the experiment and the registered model, on both servers.
NAME = unique("graphql")
# Fields that differ between two servers, whatever was stored.
OWN = {"runUuid", "runId", "artifactUri", "artifactLocation", "creationTime", "lastUpdateTime",
       "creationTimestamp", "experimentId"}


@pytest.fixture(scope="module")
def queries():
    """Every document in the pages' scripts, by the name of its operation."""
    found = {}
    for script in SCRIPTS.glob("*.js"):
        for document in DOCUMENT.findall(script.read_text(errors="replace")):
            found[re.match(r"query (\w+)", document).group(1)] = document
    return found


@pytest.fixture(scope="module")
def reference(server, start_server):
    """MLflow's own server: the one under test if it is of that kind, else a second one."""
    if server.kind == compat_server.MLFLOW:
        return server
    return start_server(kind=compat_server.MLFLOW)


def fill(url):
    """Puts the same things on a server; gives the ids of the experiment and its runs."""
    client = MlflowClient(url, url)
    experiment = client.create_experiment(NAME, tags={"team": "growth"})
    runs = []
    for number in range(2):
        run = client.create_run(experiment, start_time=1_700_000_000_000 + number,
                                run_name=f"run {number}").info.run_id
        metrics = [Metric("loss", 0.5 / (step + 1), 1_700_000_000_000 + step, step)
                   for step in range(20)]
        metrics += [Metric("nan", math.nan, 1, 0), Metric("wide", math.inf, 1, 0)]
        client.log_batch(run, metrics, [Param("lr", "0.1")], [RunTag("color", "blue")])
        runs.append(run)
    dataset = mlflow.entities.Dataset("d", "1f", "s3", "s3://b/d", schema="{}", profile="{}")
    tags = [mlflow.entities.InputTag("mlflow.data.context", "training")]
    client.log_inputs(runs[0], [mlflow.entities.DatasetInput(dataset, tags)])
    client.set_terminated(runs[1], "FAILED", end_time=1_700_000_001_000)
    client.create_registered_model(NAME)
    for number in range(2):
        client.create_model_version(NAME, f"s3://bucket/{number}", run_id=runs[0])
    return experiment, runs


@pytest.fixture(scope="module")
def filled(server, reference):
    """Both servers with the same content, each with its ids."""
    if server is reference:
        both = (server.url, fill(server.url))
        return both, both
    return (server.url, fill(server.url)), (reference.url, fill(reference.url))


def ask(url, query, variables):
    """The answer of a document, which is always 200 with data and errors."""
    body = {"query": query, "variables": variables}
    answer = requests.post(f"{url}/graphql", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def plain(value):
    """An answer without what differs between servers; tags have no order."""
    if isinstance(value, dict):
        return {k: type(v).__name__ if k in OWN else plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return sorted((plain(item) for item in value), key=repr)
    return value


def compare(filled, query, variables):
    """Asks both servers; `variables` makes them of a server's ids."""
    ours, theirs = (ask(url, query, variables(*ids)) for url, ids in filled)
    assert plain(ours) == plain(theirs)
    return ours


def test_the_pages_send_these_queries_and_no_others(queries):
    assert set(queries) == {"GetRun", "SearchRuns", "MlflowGetExperimentQuery",
                            "GetMetricHistoryBulkInterval"}


@pytest.mark.parametrize("number", [0, 1])
def test_the_page_of_a_run(filled, queries, number):
    answer = compare(filled, queries["GetRun"], lambda _, runs: {"data": {"runId": runs[number]}})
    run = answer["data"]["mlflowGetRun"]["run"]
    assert len(run["data"]["metrics"]) == 3
    assert len(run["modelVersions"]) == (0 if number else 2)


def test_the_search_of_runs(filled, queries):
    answer = compare(filled, queries["SearchRuns"], lambda experiment, _: {
        "data": {"experimentIds": [experiment], "filter": "params.lr = '0.1'"}
    })
    assert len(answer["data"]["mlflowSearchRuns"]["runs"]) == 2


def test_the_chart_of_a_metric(filled, queries):
    query = queries["GetMetricHistoryBulkInterval"]
    answer = compare(filled, query, lambda _, runs: {"data": {"runIds": runs, "metricKey": "loss"}})
    assert len(answer["data"]["mlflowGetMetricHistoryBulkInterval"]["metrics"]) == 40
    compare(filled, query, lambda _, runs: {"data": {"runIds": runs[:1], "metricKey": "wide"}})


def test_a_chart_has_the_steps_that_were_asked_for(server, filled, queries):
    if server.kind == compat_server.MLFLOW:
        pytest.skip("MLflow's own server gives all steps")
    url, (_, runs) = filled[0]
    data = {"runIds": runs[:1], "metricKey": "loss", "maxResults": 3, "startStep": 2, "endStep": 10}
    answer = ask(url, queries["GetMetricHistoryBulkInterval"], {"data": data})
    metrics = answer["data"]["mlflowGetMetricHistoryBulkInterval"]["metrics"]
    steps = [int(metric["step"]) for metric in metrics]
    assert len(steps) == 3 and (steps[0], steps[-1]) == (2, 10)


def test_a_chart_with_nan_is_no_error(server, filled, queries):
    if server.kind == compat_server.MLFLOW:
        pytest.skip("MLflow's own server reports an error beside the answer")
    url, (_, runs) = filled[0]
    variables = {"data": {"runIds": runs[:1], "metricKey": "nan"}}
    answer = ask(url, queries["GetMetricHistoryBulkInterval"], variables)
    metrics = answer["data"]["mlflowGetMetricHistoryBulkInterval"]["metrics"]
    assert [metric["value"] for metric in metrics] == [None]
    assert answer["errors"] is None


def test_the_page_of_an_experiment(filled, queries):
    compare(filled, queries["MlflowGetExperimentQuery"], lambda experiment, _: {
        "input": {"experimentId": experiment}
    })


@pytest.mark.parametrize("variables", [
    {"input": {"experimentId": "777777"}},
    {"input": {"experimentId": "none"}},
])
def test_an_experiment_that_is_not_there(filled, queries, variables):
    answer = compare(filled, queries["MlflowGetExperimentQuery"], lambda *_: variables)
    assert answer["data"] == {"mlflowGetExperiment": None} and len(answer["errors"]) == 1


def test_a_run_that_is_not_there(filled, queries):
    answer = compare(filled, queries["GetRun"], lambda *_: {"data": {"runId": "0" * 32}})
    assert answer["errors"] == [f"Run with id={'0' * 32} not found"]


@pytest.mark.parametrize("query", [
    "{ " + " ".join(f'a{n}: test(inputString: "a") {{ output }}' for n in range(11)) + " }",
    '{ test(inputString: "a") { ' + " ".join(f"a{n}: output" for n in range(11)) + " } }",
    '{ test(inputString: "a") { ' + "output " * 1001 + " } }",
    "{ __schema { types " + "{ fields { type " * 5 + "{ name }" + " } }" * 5 + " } }",
    'query A @component { test(inputString: "a") { output } }',
    'query A { test(inputString: "a") { output } } query B { test(inputString: "b") { output } }',
    'query A @component(name: "x") { test(inputString: "a") { output __typename } }',
    "{ mlflowSearchRuns(input: { filter: \"nope\", experimentIds: [\"0\"] }) { nextPageToken } }",
])
def test_other_documents(filled, query):
    answers = [ask(url, query, None) for url, _ in filled]
    ours, theirs = (plain(answer) for answer in answers)
    assert ours["data"] == theirs["data"]
    assert (ours["errors"] is None) == (theirs["errors"] is None)
    if "operation" not in str(theirs["errors"]):
        assert ours["errors"] == theirs["errors"]


def test_versions_files_and_datasets(filled):
    query = """query Q($versions: MlflowSearchModelVersionsInput, $run: String) {
        mlflowSearchModelVersions(input: $versions) { nextPageToken modelVersions {
            name version creationTimestamp userId currentStage description source runId status
            statusMessage tags { key value } runLink aliases modelId modelParams { name value }
            modelMetrics { key value }
        } }
        mlflowListArtifacts(input: { runId: $run }) { files { path isDir } nextPageToken }
    }"""
    versions = {"filter": f"name = '{NAME}'", "maxResults": "10"}
    answer = compare(filled, query, lambda _, runs: {"versions": versions, "run": runs[0]})
    assert len(answer["data"]["mlflowSearchModelVersions"]["modelVersions"]) == 2
    query = """mutation M($input: MlflowSearchDatasetsInput) { mlflowSearchDatasets(input: $input) {
        datasetSummaries { experimentId name digest context } apiError { code }
    } }"""
    answer = compare(filled, query, lambda experiment, _: {
        "input": {"experimentIds": [experiment]}
    })
    assert len(answer["data"]["mlflowSearchDatasets"]["datasetSummaries"]) == 1


def test_what_is_no_document_is_told_and_no_failure(server):
    if server.kind == compat_server.MLFLOW:
        pytest.skip("MLflow's own server fails")
    for query in ("{ nope ", "hello", "{}"):
        answer = ask(server.url, query, None)
        assert answer["data"] is None and "Syntax Error" in answer["errors"][0]
