"""The object store is down or slow: the answer names it, and no acknowledged file is lost."""

import pytest
from s3_server import BUCKET, S3Server
from test_postgres import url

# Writes of metadata go on meanwhile; only files may be refused, with these words.
STORE = ["artifact"]


@pytest.fixture(scope="module")
def objects():
    """A running SeaweedFS."""
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def on_objects(objects, cluster, make_proxy, make_replicas, monkeypatch):
    """Two replicas that reach the store through a proxy, and the proxy."""
    endpoint = objects.variables["MLFLOW_S3_ENDPOINT_URL"]
    proxy = make_proxy(int(endpoint.rsplit(":", 1)[1]))
    settings = {"ARTIFACTS_DESTINATION": f"s3://{BUCKET}/{cluster.port}"}
    replicas = make_replicas(
        cluster, url(cluster.port), **settings,
        environment={**objects.variables, "MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"})
    return replicas, proxy


def test_an_object_store_that_is_down_is_named_and_loses_nothing(on_objects, make_load):
    replicas, proxy = on_objects
    load = make_load(replicas)
    load.wait_for_more()
    proxy.refuses = True
    proxy.reset_all()
    load.wait_until(lambda: len(load.ledger.refusals) >= 3, "3 refusals")
    proxy.refuses = False
    load.wait_for_more()
    load.finish(replicas[0], STORE)


def test_a_slow_object_store_slows_files_and_loses_nothing(on_objects, make_load):
    replicas, proxy = on_objects
    load = make_load(replicas)
    load.wait_for_more()
    proxy.latency = 0.5
    load.wait_for_more(200)
    proxy.latency = 0
    load.wait_for_more()
    load.finish(replicas[0], STORE)
