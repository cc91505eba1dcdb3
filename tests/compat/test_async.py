"""Asynchronous logging: the client queues, the server gets batches, nothing is lost."""

import mlflow
import pytest
from mlflow.entities import Metric, Param
from support import points

pytestmark = pytest.mark.mlflow2

T0 = 1_600_000_000_000


@pytest.fixture
def async_by_default(monkeypatch):
    """The environment switch that makes every call asynchronous."""
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "true")
    yield
    mlflow.flush_async_logging()


def test_points_logged_asynchronously_are_all_there_after_a_flush(client, experiment):
    with mlflow.start_run() as run:
        for step in range(500):
            mlflow.log_metric("loss", 1 / (step + 1), step=step, synchronous=False)
        mlflow.log_param("p", "v", synchronous=False)
        mlflow.set_tag("t", "v", synchronous=False)
        mlflow.flush_async_logging()
    read = client.get_run(run.info.run_id)
    expected = [(step, 1 / (step + 1)) for step in range(500)]
    assert sorted((s, v) for s, _, v in points(client, run.info.run_id, "loss")) == expected
    assert read.data.params == {"p": "v"}
    assert read.data.tags["t"] == "v"
    assert read.data.metrics == {"loss": 1 / 500}


def test_a_future_of_an_asynchronous_call_can_be_waited_for(client, run_id):
    waiting = client.log_batch(
        run_id, metrics=[Metric("m", 1.0, T0, 0)], params=[Param("p", "1")], synchronous=False
    )
    waiting.wait()
    assert client.get_run(run_id).data.metrics == {"m": 1.0}
    assert client.get_run(run_id).data.params == {"p": "1"}


def test_the_environment_switch_makes_fluent_calls_asynchronous(
    client, experiment, async_by_default
):
    with mlflow.start_run() as run:
        for step in range(100):
            mlflow.log_metrics({"a": step, "b": -step}, step=step)
        mlflow.log_params({f"p{n}": n for n in range(40)})
        mlflow.flush_async_logging()
    for key, sign in (("a", 1), ("b", -1)):
        read = sorted((s, v) for s, _, v in points(client, run.info.run_id, key))
        assert read == [(step, float(sign * step)) for step in range(100)]
    assert client.get_run(run.info.run_id).data.params == {f"p{n}": str(n) for n in range(40)}


def test_a_refused_asynchronous_call_reports_the_refusal(client, run_id):
    client.log_param(run_id, "p", "1")
    waiting = client.log_param(run_id, "p", "2", synchronous=False)
    with pytest.raises(Exception, match="Changing param values is not allowed"):
        waiting.wait()
    assert client.get_run(run_id).data.params == {"p": "1"}


@pytest.mark.usefixtures("speakable_ids")
def test_images_are_uploaded_in_the_background(client, experiment):
    import numpy as np

    with mlflow.start_run() as run:
        for step in range(3):
            pixels = np.full((4, 4, 3), step, dtype=np.uint8)
            mlflow.log_image(pixels, key="frame", step=step, synchronous=False)
        mlflow.flush_artifact_async_logging()
    assert len(client.list_artifacts(run.info.run_id, "images")) == 6
