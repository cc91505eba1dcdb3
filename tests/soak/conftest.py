"""Fixtures of the soak: two servers on one PostgreSQL and one S3 behind haproxy.

`TRACKWAY_BIN` names the binary under test, `TRACKWAY_TEST_DATABASE` a PostgreSQL that may be used,
`HAPROXY` the balancer, and `SOAK_MINUTES` how long it lasts.
"""

import os
from pathlib import Path

import pytest
from replica_set import ReplicaSet
from s3_server import BUCKET, S3Server

BINARY = Path(os.environ.get("TRACKWAY_BIN", "")).resolve()


def pytest_configure(config):
    if not BINARY.is_file() or not os.environ.get("TRACKWAY_TEST_DATABASE"):
        raise pytest.UsageError("set TRACKWAY_BIN and TRACKWAY_TEST_DATABASE")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the end of every server's log to the report of a failure."""
    report = yield
    if report.failed and "replicas" in item.funcargs:
        report.sections.append(("ends of the logs", item.funcargs["replicas"].tail()))
    return report


@pytest.fixture
def replicas():
    """Two servers behind a balancer."""
    s3 = S3Server()
    try:
        ours = ("MLFLOW_", "_MLFLOW_", "TRACKWAY_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        flags = ["--artifacts-destination", f"s3://{BUCKET}/soak"]
        made = ReplicaSet(BINARY, 2, flags, {**kept, **s3.variables})
        try:
            yield made
        finally:
            made.stop()
    finally:
        s3.stop()
