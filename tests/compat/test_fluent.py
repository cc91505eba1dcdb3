"""The fluent API, as a training script uses it."""

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from support import unique

pytestmark = pytest.mark.mlflow2


def test_set_experiment_creates_it_once_and_finds_it_again(client):
    name = unique("fluent")
    created = mlflow.set_experiment(name)
    assert mlflow.set_experiment(name).experiment_id == created.experiment_id
    found = mlflow.get_experiment_by_name(name)
    assert (found.name, found.lifecycle_stage) == (name, "active")
    assert found.creation_time > 0 and found.last_update_time >= found.creation_time
    assert found.artifact_location.endswith(f"/{found.experiment_id}")


def test_a_finished_run_keeps_everything_it_logged(client, experiment):
    with mlflow.start_run(run_name="first", description="a note", tags={"team": "vision"}) as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({"depth": 3, "loss": "log loss", "none": None})
        mlflow.log_metric("acc", 0.5, step=0)
        mlflow.log_metric("acc", 0.75, step=1)
        mlflow.log_metrics({"f1": 0.25, "nested/key": 1e-300}, step=7)
        mlflow.set_tag("kind", "test")
        mlflow.set_tags({"number": 1, "gone": "soon"})
        mlflow.delete_tag("gone")
    read = client.get_run(run.info.run_id)
    assert read.info.status == "FINISHED"
    assert read.info.run_name == "first"
    assert read.info.end_time >= read.info.start_time > 1_600_000_000_000
    assert read.data.params == {"lr": "0.1", "depth": "3", "loss": "log loss", "none": "None"}
    assert read.data.metrics == {"acc": 0.75, "f1": 0.25, "nested/key": 1e-300}
    own = {k: v for k, v in read.data.tags.items() if not k.startswith("mlflow.")}
    assert own == {"team": "vision", "kind": "test", "number": "1"}
    assert read.data.tags["mlflow.note.content"] == "a note"
    assert read.data.tags["mlflow.runName"] == "first"


def test_a_run_without_a_name_gets_one(client, experiment):
    with mlflow.start_run() as run:
        pass
    name = client.get_run(run.info.run_id).info.run_name
    assert len(name.split("-")) == 3
    assert client.get_run(run.info.run_id).data.tags["mlflow.runName"] == name


def test_a_run_that_raises_is_failed(client, experiment):
    with pytest.raises(ZeroDivisionError):
        with mlflow.start_run() as run:
            mlflow.log_metric("before", 1.0)
            1 / 0
    read = client.get_run(run.info.run_id)
    assert read.info.status == "FAILED"
    assert read.data.metrics == {"before": 1.0}


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_end_run_records_the_status_it_is_given(client, experiment, status):
    run = mlflow.start_run()
    mlflow.end_run(status)
    read = client.get_run(run.info.run_id)
    assert read.info.status == status
    assert read.info.end_time >= read.info.start_time


def test_a_run_can_be_resumed_by_its_id(client, experiment):
    with mlflow.start_run() as run:
        mlflow.log_metric("loss", 2.0, step=0)
    with mlflow.start_run(run_id=run.info.run_id) as again:
        assert again.info.run_id == run.info.run_id
        assert client.get_run(run.info.run_id).info.status == "RUNNING"
        mlflow.log_metric("loss", 1.0, step=1)
    read = client.get_run(run.info.run_id)
    assert read.info.status == "FINISHED"
    assert [m.value for m in client.get_metric_history(run.info.run_id, "loss")] == [2.0, 1.0]


def test_the_last_active_run_is_read_back_with_its_data(experiment):
    with mlflow.start_run() as run:
        mlflow.log_param("p", "v")
    last = mlflow.last_active_run()
    assert last.info.run_id == run.info.run_id
    assert last.data.params == {"p": "v"}
    assert mlflow.get_run(run.info.run_id).info.status == "FINISHED"


def test_experiment_tags_are_set_and_overwritten(client, experiment):
    mlflow.set_experiment_tag("owner", "ann")
    mlflow.set_experiment_tags({"owner": "bob", "goal": "recall"})
    assert client.get_experiment(experiment).tags == {"owner": "bob", "goal": "recall"}


def test_a_param_cannot_be_changed_but_may_be_repeated(client, experiment):
    with mlflow.start_run() as run:
        mlflow.log_param("lr", 1)
        mlflow.log_param("lr", 1)
        with pytest.raises(MlflowException) as refused:
            mlflow.log_param("lr", 2)
        with pytest.raises(MlflowException) as refused_in_batch:
            mlflow.log_params({"lr": 3})
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "Changing param values is not allowed" in str(refused.value)
    assert "Changing param values is not allowed" in str(refused_in_batch.value)
    assert client.get_run(run.info.run_id).data.params == {"lr": "1"}


def test_setting_the_run_name_tag_renames_the_run(client, experiment):
    with mlflow.start_run(run_name="before") as run:
        mlflow.set_tag("mlflow.runName", "after")
    assert client.get_run(run.info.run_id).info.run_name == "after"


def test_unicode_survives_in_names_params_and_tags(client, experiment):
    with mlflow.start_run(run_name="Übung 試験 🚀") as run:
        mlflow.log_param("größe", "naïve – 値")
        mlflow.log_metric("точность", 0.5)
        mlflow.set_tag("emoji", "🦀\nsecond line\ttab")
    read = client.get_run(run.info.run_id)
    assert read.info.run_name == "Übung 試験 🚀"
    assert read.data.params == {"größe": "naïve – 値"}
    assert read.data.metrics == {"точность": 0.5}
    assert read.data.tags["emoji"] == "🦀\nsecond line\ttab"


def test_deleting_an_experiment_and_a_run_by_the_fluent_api(client, experiment):
    with mlflow.start_run() as run:
        pass
    mlflow.delete_run(run.info.run_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    mlflow.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"


def test_a_deleted_experiment_cannot_be_set(client, experiment):
    name = client.get_experiment(experiment).name
    mlflow.delete_experiment(experiment)
    with pytest.raises(MlflowException, match="deleted experiment"):
        mlflow.set_experiment(name)
