"""A server that puts clients off: the client comes back by itself, and nothing is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from mlflow import MlflowClient
from support import unique

THREADS = 24
POINTS = 8


@pytest.mark.mlflow2
@pytest.mark.trackway_only(reason="MLflow's own server has no such bound")
def test_clients_beyond_the_bounds_of_the_server_lose_nothing(start_server):
    settings = {"TRACKWAY_DATABASE_MAX_WAITING_WRITES": "2", "TRACKWAY_SERVER_MAX_REQUESTS": "12"}
    server = start_server(kind="trackway", settings=settings)
    client = MlflowClient(server.url)
    experiment_id = client.create_experiment(unique("pressure"))
    run_ids = [client.create_run(experiment_id).info.run_id for _ in range(THREADS)]
    gate = threading.Barrier(THREADS)

    def log(run_id):
        gate.wait(timeout=30)
        for step in range(POINTS):
            client.log_metric(run_id, "m", step, step=step)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(log, run_ids))
    for run_id in run_ids:
        assert [point.step for point in client.get_metric_history(run_id, "m")] == list(range(POINTS))
    page = requests.get(f"{server.url}/metrics", timeout=10).text
    refused = [float(line.split()[-1]) for line in page.splitlines() if "_refused_total{" in line]
    # How many were put off depends on the machine; that it is counted does not.
    assert refused
