"""Deleting, restoring and renaming runs and experiments."""

import pytest
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from support import unique

pytestmark = [pytest.mark.mlflow2, pytest.mark.replicas]


def ids(client, experiment, view=ViewType.ACTIVE_ONLY):
    """Run ids of an experiment, as a set."""
    return {run.info.run_id for run in client.search_runs([experiment], run_view_type=view)}


def test_a_deleted_run_is_hidden_and_comes_back_with_its_data(client, experiment, run_id):
    client.log_metric(run_id, "m", 1.0)
    client.log_param(run_id, "p", "v")
    client.log_text(run_id, "kept", "note.txt")
    client.delete_run(run_id)
    assert ids(client, experiment) == set()
    assert ids(client, experiment, ViewType.DELETED_ONLY) == {run_id}
    assert ids(client, experiment, ViewType.ALL) == {run_id}
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    client.restore_run(run_id)
    read = client.get_run(run_id)
    assert read.info.lifecycle_stage == "active"
    assert (read.data.metrics, read.data.params) == ({"m": 1.0}, {"p": "v"})
    assert [f.path for f in client.list_artifacts(run_id)] == ["note.txt"]
    assert ids(client, experiment) == {run_id}


def test_deleting_and_restoring_a_run_twice_is_no_error(client, run_id):
    for _ in range(2):
        client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    for _ in range(2):
        client.restore_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "active"


def test_a_deleted_run_takes_no_writes(client, run_id):
    client.delete_run(run_id)
    for write in (
        lambda: client.log_metric(run_id, "m", 1.0),
        lambda: client.log_param(run_id, "p", "v"),
        lambda: client.set_tag(run_id, "t", "v"),
        lambda: client.update_run(run_id, status="FINISHED"),
        lambda: client.delete_tag(run_id, "mlflow.runName"),
    ):
        with pytest.raises(MlflowException) as refused:
            write()
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
        assert f"The run {run_id} must be in the 'active' state" in str(refused.value)


def test_a_deleted_experiment_takes_its_runs_along_and_brings_them_back(client, experiment):
    kept = client.create_run(experiment).info.run_id
    dropped = client.create_run(experiment).info.run_id
    client.delete_run(dropped)
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    assert ids(client, experiment, ViewType.DELETED_ONLY) == {kept, dropped}
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.create_run(experiment)
    client.restore_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "active"
    assert ids(client, experiment) == {kept, dropped}


def test_a_deleted_experiment_keeps_its_name_and_is_found_by_it(client, experiment):
    name = client.get_experiment(experiment).name
    client.delete_experiment(experiment)
    assert client.get_experiment_by_name(name).lifecycle_stage == "deleted"
    with pytest.raises(MlflowException) as refused:
        client.create_experiment(name)
    assert refused.value.error_code == "RESOURCE_ALREADY_EXISTS"


def test_deleting_a_deleted_experiment_is_not_found(client, experiment):
    client.delete_experiment(experiment)
    with pytest.raises(MlflowException) as refused:
        client.delete_experiment(experiment)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    client.restore_experiment(experiment)
    with pytest.raises(MlflowException) as refused:
        client.restore_experiment(experiment)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_renamed_experiment_is_found_under_its_new_name_only(client, experiment):
    old, new = client.get_experiment(experiment).name, unique("renamed")
    before = client.get_experiment(experiment).last_update_time
    client.rename_experiment(experiment, new)
    assert client.get_experiment_by_name(new).experiment_id == experiment
    assert client.get_experiment_by_name(old) is None
    assert client.get_experiment(experiment).last_update_time >= before
    assert client.create_experiment(old) != experiment


def test_renaming_to_a_taken_name_is_refused(client, experiment):
    taken = unique("taken")
    client.create_experiment(taken)
    with pytest.raises(MlflowException):
        client.rename_experiment(experiment, taken)
    assert client.get_experiment(experiment).name != taken


def test_a_renamed_run_is_found_by_its_new_name(client, experiment, run_id):
    client.update_run(run_id, name="new name")
    found = client.search_runs([experiment], "attributes.run_name = 'new name'")
    assert [run.info.run_id for run in found] == [run_id]
    assert client.get_run(run_id).data.tags["mlflow.runName"] == "new name"
