"""Searching runs and experiments: filters, orders, pages, frames."""

import math

import mlflow
import pandas as pd
import pytest
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from support import unique

pytestmark = pytest.mark.mlflow2

T0 = 1_600_000_000_000


@pytest.fixture
def runs(client, experiment):
    """Six runs r0..r5: acc n/10 (r5: NaN), lr text, tag team for even ones, start times rising."""
    ids = {}
    for n in range(6):
        tags = {"team": "red"} if n % 2 == 0 else {}
        run = client.create_run(experiment, start_time=T0 + n, run_name=f"r{n}", tags=tags)
        value = math.nan if n == 5 else n / 10
        metrics = [Metric("acc", value, T0, 0)] + ([Metric("rare metric", 1.0, T0, 0)] * (n == 3))
        params = [Param("lr", str(n)), Param("Model", "Tree" if n < 3 else "tree_b")]
        client.log_batch(run.info.run_id, metrics, params, [RunTag("n", str(n))])
        if n < 4:
            client.set_terminated(run.info.run_id, "FINISHED", end_time=T0 + 1000 + n)
        ids[run.info.run_id] = f"r{n}"
    return ids


@pytest.fixture
def found(client, experiment, runs):
    """Names of the runs a filter finds, in the order asked for (default: r0 first)."""
    def search(text="", order=("attributes.start_time ASC",), **kwargs):
        page = client.search_runs([experiment], text, order_by=list(order), **kwargs)
        return " ".join(run.info.run_name for run in page)
    return search


@pytest.mark.parametrize(("text", "expected"), [
    ("metrics.acc > 0.2", "r3 r4"),
    ("metrics.acc >= 0.2 and metrics.acc < 0.4", "r2 r3"),
    ("metrics.acc = 0.1", "r1"),
    ("metrics.acc != 0.1", "r0 r2 r3 r4 r5"),
    ("metric.acc <= 0.0", "r0"),
    ('metrics."rare metric" = 1', "r3"),
    ("metrics.`rare metric` > 0", "r3"),
    ("metrics.unknown > 0", ""),
    ("params.lr = '4'", "r4"),
    ('params.lr = "4"', "r4"),
    ("params.lr != '4'", "r0 r1 r2 r3 r5"),
    ("params.Model LIKE 'tree%'", "r3 r4 r5"),
    ("params.Model ILIKE 'tree%'", "r0 r1 r2 r3 r4 r5"),
    ("params.Model LIKE '%ee'", "r0 r1 r2"),
    ("params.Model LIKE 'tree_b'", "r3 r4 r5"),
    ("tags.team = 'red'", "r0 r2 r4"),
    ("tags.team != 'red'", ""),
    ("tags.team IS NULL", "r1 r3 r5"),
    ("tag.team IS NOT NULL", "r0 r2 r4"),
    ("params.absent IS NULL AND tags.n = '1'", "r1"),
    ("attributes.status = 'FINISHED'", "r0 r1 r2 r3"),
    ("status != 'FINISHED'", "r4 r5"),
    ("attributes.run_name = 'r2'", "r2"),
    ("run_name LIKE 'r%' AND metrics.acc < 0.15", "r0 r1"),
    (f"attributes.start_time >= {T0 + 4}", "r4 r5"),
    (f"start_time < {T0 + 2}", "r0 r1"),
    (f"attributes.end_time = {T0 + 1002}", "r2"),
    (f"created = {T0 + 1}", "r1"),
    ("tags.`mlflow.runName` = 'r5'", "r5"),
    ("tags.team = 'red' AND params.lr = '2' AND metrics.acc > 0", "r2"),
])
def test_filters_find_the_right_runs(found, text, expected):
    assert found(text) == expected


def test_runs_are_found_by_their_ids(client, experiment, runs, found):
    ids = list(runs)
    quoted = ", ".join(f"'{run_id}'" for run_id in ids[1:3])
    assert found(f"attributes.run_id IN ({quoted})") == "r1 r2"
    assert found(f"attributes.run_id NOT IN ({quoted})") == "r0 r3 r4 r5"
    assert found(f"run_id = '{ids[5]}'") == "r5"


@pytest.mark.parametrize(("order", "expected"), [
    (["metrics.acc DESC"], "r4 r3 r2 r1 r0 r5"),
    (["metrics.acc ASC"], "r0 r1 r2 r3 r4 r5"),
    (["metrics.`rare metric` ASC"], "r3 r5 r4 r2 r1 r0"),
    (["params.Model ASC", "params.lr DESC"], "r2 r1 r0 r5 r4 r3"),
    (["tags.team", "start_time DESC"], "r4 r2 r0 r5 r3 r1"),
    (["attributes.end_time DESC"], "r3 r2 r1 r0 r5 r4"),
    ([], "r5 r4 r3 r2 r1 r0"),
])
def test_orders_put_missing_values_last(found, order, expected):
    assert found(order=order) == expected


def test_pages_cover_every_run_once(client, experiment, runs):
    for size in (1, 2, 4, 6):
        names, token, pages = [], None, 0
        while pages == 0 or token:
            page = client.search_runs(
                [experiment], max_results=size, order_by=["params.lr ASC"], page_token=token
            )
            names += [run.info.run_name for run in page]
            token, pages = page.token, pages + 1
        assert names == [f"r{n}" for n in range(6)]
        assert pages == math.ceil(6 / size)


@pytest.mark.parametrize("text", [
    "metrics.acc > 'high'", "params.lr = 4", "nonsense", "metrics.acc >", "foo.bar = 'x'",
    "attributes.unknown = 'x'", "params.lr LIKE 5", "metrics.acc = 1; DROP TABLE runs",
    "metrics.acc ~ 1", "status IN ('FINISHED'", "tags.a = 'unclosed",
])
def test_filters_that_make_no_sense_are_refused(client, experiment, text):
    with pytest.raises(MlflowException) as refused:
        client.search_runs([experiment], text)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_quotes_and_sql_in_values_are_only_text(client, experiment):
    run = client.create_run(experiment, tags={"t": "it's"})
    client.log_param(run.info.run_id, "p", "x'; drop table runs; --")
    assert len(client.search_runs([experiment], 'tags.t = "it\'s"')) == 1
    assert len(client.search_runs([experiment], "params.p = \"x'; drop table runs; --\"")) == 1
    assert client.search_runs([experiment], "params.p = \"' OR '1'='1\"") == []


def test_runs_come_as_a_frame_with_typed_columns(experiment, runs):
    frame = mlflow.search_runs([experiment], order_by=["start_time ASC"])
    assert frame["run_id"].tolist() == list(runs)
    assert frame["metrics.acc"].tolist()[:5] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert math.isnan(frame["metrics.acc"].tolist()[5])
    assert frame["params.lr"].tolist() == list("012345")
    assert frame["tags.team"].isna().tolist() == [False, True] * 3
    assert frame["start_time"].iloc[0] == pd.Timestamp(T0, unit="ms", tz="UTC")
    assert frame["end_time"].isna().tolist() == [False] * 4 + [True] * 2
    listed = mlflow.search_runs([experiment], max_results=2, output_format="list")
    assert [run.info.run_name for run in listed] == ["r5", "r4"]


def test_search_spans_experiments_and_ignores_unknown_ones(client, experiment, runs):
    other = client.create_experiment(unique("other"))
    client.create_run(other, run_name="elsewhere", start_time=T0 + 100)
    page = client.search_runs([experiment, other, "99999999"])
    assert [run.info.run_name for run in page][:2] == ["elsewhere", "r5"]
    assert client.search_runs([]) == []
    by_name = mlflow.search_runs(experiment_names=[client.get_experiment(other).name])
    assert len(by_name) == 1


def test_experiments_are_searched_by_name_tag_and_view(client):
    mark = unique("mark")
    ids = {}
    for n, name in enumerate(["alpha", "Beta", "gamma"]):
        ids[name] = client.create_experiment(f"{mark} {name}", tags={"mark": mark, "n": str(n)})

    def names(text, **kwargs):
        text = f"tags.mark = '{mark}'" + (f" AND {text}" if text else "")
        return [e.name.split()[-1] for e in client.search_experiments(filter_string=text, **kwargs)]

    order = ["name ASC"]
    assert names("", order_by=order) == ["Beta", "alpha", "gamma"]
    assert names("") == ["gamma", "Beta", "alpha"]
    assert names(f"name = '{mark} alpha'") == ["alpha"]
    assert names("name LIKE '% gamma'") == ["gamma"]
    assert names("name ILIKE '% BETA'") == ["Beta"]
    assert names("tags.n = '1'") == ["Beta"]
    assert names("tags.n != '1'", order_by=order) == ["alpha", "gamma"]
    client.delete_experiment(ids["gamma"])
    assert names("", order_by=order) == ["Beta", "alpha"]
    assert names("", view_type=ViewType.DELETED_ONLY) == ["gamma"]
    assert names("", view_type=ViewType.ALL, order_by=["name DESC"]) == ["gamma", "alpha", "Beta"]
    frame_free = mlflow.search_experiments(filter_string=f"tags.mark = '{mark}'")
    assert len(frame_free) == 2


def test_experiment_pages_cover_every_one_once(client):
    mark = unique("pages")
    for n in range(7):
        client.create_experiment(f"{mark} {n}", tags={"mark": mark})
    names, token = [], None
    while not names or token:
        page = client.search_experiments(
            filter_string=f"tags.mark = '{mark}'", order_by=["name ASC"], max_results=3,
            page_token=token,
        )
        names += [e.name for e in page]
        token = page.token
    assert names == [f"{mark} {n}" for n in range(7)]
