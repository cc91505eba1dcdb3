"""Fixtures of the fault suite: PostgreSQL, two replicas, proxies, and writers that count."""

import process
import pytest
from cluster import Cluster
from load import Load, Replica
from proxy import FaultProxy


def pytest_configure(config):
    try:
        process.binary()
    except LookupError as e:
        raise pytest.UsageError(str(e)) from e


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the end of every replica's log to the report of a failure."""
    report = yield
    if report.failed:
        for replica in item.funcargs.get("made", []):
            if isinstance(replica, Replica):
                report.sections.append(("end of a replica's log", replica.tail()))
    return report


@pytest.fixture
def made():
    """Everything that a test started; ended after it, the newest first."""
    things = []
    yield things
    for thing in reversed(things):
        getattr(thing, "remove", getattr(thing, "close", None))()


@pytest.fixture
def cluster(made):
    """An empty PostgreSQL."""
    made.append(Cluster())
    return made[-1]


@pytest.fixture
def make_proxy(made):
    """Makes a proxy in front of a port: `make_proxy(5432)`."""

    def make(port):
        made.append(FaultProxy(port))
        return made[-1]

    return make


@pytest.fixture
def make_replicas(made, tmp_path):
    """Starts two replicas on one database and one place for artifacts."""

    def make(cluster, url, environment=None, **settings):
        settings.setdefault("ARTIFACTS_DESTINATION", str(tmp_path / "artifacts"))
        replicas = []
        for number in range(2):
            replica = Replica(tmp_path / f"replica-{number}", cluster, environment,
                              DATABASE_URL=url, **settings)
            made.append(replica)
            replicas.append(replica.start())
        return replicas

    return make


@pytest.fixture
def make_load(made):
    """Lets many clients write: `make_load(replicas, ports)`."""

    def make(replicas, ports=None):
        made.append(Load(replicas, ports or [replica.port for replica in replicas]))
        return made[-1]

    return make
