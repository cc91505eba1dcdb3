"""System metrics: the client's sampling thread writes into the run."""

import time

import mlflow
import pytest
from support import points

pytestmark = pytest.mark.mlflow2


def test_system_metrics_are_sampled_into_the_run(client, experiment, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", "1")
    with mlflow.start_run(log_system_metrics=True) as run:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if len(points(client, run.info.run_id, "system/cpu_utilization_percentage")) >= 3:
                break
            time.sleep(0.2)
    keys = {k for k in client.get_run(run.info.run_id).data.metrics if k.startswith("system/")}
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes",
            "system/disk_usage_percentage"} <= keys
    sampled = points(client, run.info.run_id, "system/system_memory_usage_megabytes")
    assert len(sampled) >= 3
    assert [step for step, _, _ in sampled] == list(range(len(sampled)))
    assert all(value > 0 for _, _, value in sampled)
