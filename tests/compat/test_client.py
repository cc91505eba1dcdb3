"""`MlflowClient`: the same store, one call at a time."""

import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from support import assert_refused, unique

pytestmark = [pytest.mark.mlflow2, pytest.mark.replicas]


def refused(call, *args, **kwargs):
    """Calls it, expects an MlflowException, gives (error_code, message)."""
    with pytest.raises(MlflowException) as caught:
        call(*args, **kwargs)
    return caught.value.error_code, caught.value.message


def test_an_experiment_keeps_its_name_tags_and_location(client, tmp_path):
    name = unique("with tags")
    experiment_id = client.create_experiment(name, tags={"a": "1", "b": "2"})
    read = client.get_experiment(experiment_id)
    assert (read.name, read.tags, read.lifecycle_stage) == (name, {"a": "1", "b": "2"}, "active")
    located = client.create_experiment(unique("located"), artifact_location="s3://bucket/some/dir")
    run = client.create_run(located)
    assert client.get_experiment(located).artifact_location == "s3://bucket/some/dir"
    assert run.info.artifact_uri == f"s3://bucket/some/dir/{run.info.run_id}/artifacts"


def test_the_default_experiment_exists(client):
    default = client.get_experiment("0")
    assert (default.name, default.lifecycle_stage) == ("Default", "active")
    assert client.get_experiment_by_name("Default").experiment_id == "0"


def test_an_experiment_name_is_taken_only_once(client):
    name = unique("twice")
    client.create_experiment(name)
    code, message = refused(client.create_experiment, name)
    assert code == "RESOURCE_ALREADY_EXISTS"
    assert f"Experiment(name={name}) already exists" in message


def test_create_run_keeps_what_it_is_given(client, experiment):
    run = client.create_run(
        experiment, start_time=1_600_000_000_123, tags={"t": "v", "mlflow.user": "eve"},
        run_name="named",
    )
    info = client.get_run(run.info.run_id).info
    assert (info.run_name, info.start_time, info.status) == ("named", 1_600_000_000_123, "RUNNING")
    assert info.end_time is None
    assert info.lifecycle_stage == "active"
    assert info.experiment_id == experiment
    assert len(info.run_id) == 32
    assert client.get_run(run.info.run_id).data.tags["t"] == "v"


def test_log_batch_stores_metrics_params_and_tags_together(client, run_id):
    client.log_batch(
        run_id,
        metrics=[Metric("m", i / 10, 1_600_000_000_000 + i, i) for i in range(5)],
        params=[Param("p", "1"), Param("empty", "")],
        tags=[RunTag("t", "first"), RunTag("u", "x"), RunTag("t", "last")],
    )
    data = client.get_run(run_id).data
    assert data.metrics == {"m": 0.4}
    assert data.params == {"p": "1", "empty": ""}
    assert {k: v for k, v in data.tags.items() if k in "tu"} == {"t": "last", "u": "x"}


def test_an_empty_batch_changes_nothing(client, run_id):
    before = client.get_run(run_id).to_dictionary()
    client.log_batch(run_id)
    assert client.get_run(run_id).to_dictionary() == before


def test_update_run_renames_and_ends_it(client, run_id):
    client.update_run(run_id, status="FAILED", name="renamed")
    read = client.get_run(run_id)
    assert (read.info.status, read.info.run_name) == ("FAILED", "renamed")
    assert read.data.tags["mlflow.runName"] == "renamed"


def test_set_terminated_records_status_and_end_time(client, run_id):
    client.set_terminated(run_id, "KILLED", end_time=1_700_000_000_000)
    info = client.get_run(run_id).info
    assert (info.status, info.end_time) == ("KILLED", 1_700_000_000_000)


def test_tags_are_overwritten_and_deleted(client, run_id):
    client.set_tag(run_id, "k", "one")
    client.set_tag(run_id, "k", "two")
    assert client.get_run(run_id).data.tags["k"] == "two"
    client.delete_tag(run_id, "k")
    assert "k" not in client.get_run(run_id).data.tags
    code, message = refused(client.delete_tag, run_id, "k")
    assert code == "RESOURCE_DOES_NOT_EXIST"
    assert f"No tag with name: k in run with id {run_id}" in message


def test_unknown_ids_do_not_exist(client):
    ghost = "0" * 32
    for call, args in [
        (client.get_run, (ghost,)),
        (client.log_metric, (ghost, "m", 1.0)),
        (client.log_param, (ghost, "p", "v")),
        (client.set_tag, (ghost, "t", "v")),
        (client.log_batch, (ghost, [Metric("m", 1.0, 1, 1)])),
        (client.delete_run, (ghost,)),
        (client.restore_run, (ghost,)),
        (client.get_experiment, ("999999999",)),
        (client.delete_experiment, ("999999999",)),
        (client.create_run, ("999999999",)),
    ]:
        assert refused(call, *args)[0] == "RESOURCE_DOES_NOT_EXIST", call
    assert client.get_experiment_by_name(unique("nowhere")) is None


def test_long_values_are_cut_and_long_keys_refused(rest, client, run_id):
    body = {"run_id": run_id, "key": "p", "value": "v" * 7000}
    assert rest.send("runs/log-parameter", body).status_code == 200
    assert rest.send("runs/set-tag", {**body, "key": "t", "value": "w" * 9000}).status_code == 200
    data = client.get_run(run_id).data
    assert (data.params["p"], data.tags["t"]) == ("v" * 6000, "w" * 8000)
    for path in ("runs/log-parameter", "runs/set-tag"):
        answer = rest.send(path, {**body, "key": "k" * 251})
        assert_refused(answer, "INVALID_PARAMETER_VALUE")
        assert "exceeds the maximum length of 250 characters" in answer.json()["message"]
    edge = "k" * 250
    assert rest.send("runs/log-parameter", {**body, "key": edge, "value": "v"}).status_code == 200
    assert client.get_run(run_id).data.params[edge] == "v"


def test_batches_over_the_limits_are_refused_whole(rest, client, run_id):
    metric = {"value": 1.0, "timestamp": 1, "step": 0}
    cases = {
        "metrics": [{"key": f"m{i}", **metric} for i in range(1001)],
        "params": [{"key": f"p{i}", "value": "v"} for i in range(101)],
        "tags": [{"key": f"t{i}", "value": "v"} for i in range(101)],
    }
    for kind, items in cases.items():
        answer = rest.send("runs/log-batch", {"run_id": run_id, kind: items})
        assert_refused(answer, "INVALID_PARAMETER_VALUE")
        expected = f"at most {len(items) - 1} {kind}. Got {len(items)} {kind}."
        assert expected in answer.json()["message"]
    data = client.get_run(run_id).data
    assert data.metrics == {} and data.params == {}


def test_a_param_conflict_inside_a_batch_stores_nothing_of_it(client, run_id):
    client.log_param(run_id, "p", "1")
    code, message = refused(
        client.log_batch, run_id, metrics=[Metric("m", 1.0, 1, 0)],
        params=[Param("p", "2")], tags=[RunTag("late", "x")],
    )
    assert code == "INVALID_PARAMETER_VALUE"
    assert "'old_value': '1', 'new_value': '2'" in message
    data = client.get_run(run_id).data
    assert data.params == {"p": "1"}
    assert data.metrics == {} and "late" not in data.tags


def test_params_doubled_in_one_batch_are_refused(client, run_id):
    code, message = refused(client.log_batch, run_id, params=[Param("a", "1"), Param("a", "1")])
    assert code == "INVALID_PARAMETER_VALUE"
    assert "Duplicate parameter keys have been submitted: ['a']" in message


@pytest.mark.parametrize("key", ["a*b", "../up", "/root", "a//b", "a/./b", ".", "a/../b"])
def test_names_that_are_not_allowed_are_refused_by_the_server(rest, client, run_id, key):
    for path, body in [
        ("runs/log-metric", {"value": 1.0, "timestamp": 1}),
        ("runs/log-parameter", {"value": "v"}),
        ("runs/set-tag", {"value": "v"}),
    ]:
        answer = rest.send(path, {"run_id": run_id, "key": key, **body})
        assert_refused(answer, "INVALID_PARAMETER_VALUE")
        assert f'Invalid value "{key}"' in answer.json()["message"]


def test_experiment_tags_can_be_deleted(rest, client, experiment):
    client.set_experiment_tag(experiment, "k", "v")
    body = {"experiment_id": experiment, "key": "k"}
    assert rest.send("experiments/delete-experiment-tag", body).status_code == 200
    assert client.get_experiment(experiment).tags == {}
    assert_refused(rest.send("experiments/delete-experiment-tag", body), "RESOURCE_DOES_NOT_EXIST")
