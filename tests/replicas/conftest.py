"""Fixtures of the suite of replicas: two servers on one PostgreSQL and one S3 behind haproxy.

`TRACKWAY_BIN` names the binary under test, `TRACKWAY_TEST_DATABASE` a PostgreSQL that may be used,
`HAPROXY` the balancer.
"""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

# The replica set and the S3 server are those of the compatibility suite.
sys.path.insert(0, str(Path(__file__).parents[1] / "compat"))

from replica_set import ReplicaSet  # noqa: E402
from s3_server import BUCKET, S3Server  # noqa: E402

BINARY = Path(os.environ.get("TRACKWAY_BIN", "")).resolve()
# Webhooks may lead to receivers on this machine.
RECEIVERS = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
}


def pytest_addoption(parser):
    parser.addini("default_time_limit", "seconds a test may take", default="60")


def pytest_configure(config):
    if not BINARY.is_file() or not os.environ.get("TRACKWAY_TEST_DATABASE"):
        raise pytest.UsageError("set TRACKWAY_BIN and TRACKWAY_TEST_DATABASE")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fails a test that runs longer than its limit."""
    mark = item.get_closest_marker("time_limit")
    seconds = mark.args[0] if mark else int(item.config.getini("default_time_limit"))

    def expire(_signal, _frame):
        pytest.fail(f"took longer than its limit of {seconds} s", pytrace=True)

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the end of every server's log to the report of a failure."""
    report = yield
    if report.failed and "replicas" in item.funcargs:
        report.sections.append(("ends of the logs", item.funcargs["replicas"].tail()))
    return report


@pytest.fixture(scope="session")
def s3():
    """The S3 server of the session."""
    server = S3Server()
    yield server
    server.stop()


def _environment(s3, **settings):
    ours = ("MLFLOW_", "_MLFLOW_", "TRACKWAY_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return {**kept, **s3.variables, **RECEIVERS, **settings}


@pytest.fixture(scope="session")
def make_replicas(s3):
    """Makes a set of servers: `make_replicas(2, "--flag", TRACKWAY_KEY="value")`."""
    made = []

    def make(count, *flags, **settings):
        place = f"s3://{BUCKET}/set-{len(made)}"
        flags = ["--artifacts-destination", place, *flags]
        made.append(ReplicaSet(BINARY, count, flags, _environment(s3, **settings)))
        return made[-1]

    yield make
    for replicas in made:
        replicas.stop()


@pytest.fixture(scope="session")
def _pair(make_replicas):
    return make_replicas(2)


@pytest.fixture
def replicas(_pair):
    """Two servers, both running."""
    for replica in _pair.replicas:
        if not replica.is_running():
            replica.start()
            replica.wait()
    return _pair


def wait_until(holds, seconds=60):
    """Waits until `holds()` gives something true, and gives it; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            pytest.fail(f"it did not come within {seconds} s", pytrace=True)
        time.sleep(0.05)
    return found
