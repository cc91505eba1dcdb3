"""Fixtures of the compatibility suite: a server, a client, a fresh experiment, a clean environment.

Which server is meant is read from the environment, see README.md.
"""

import os
import signal
import uuid

# The client reads these when it is imported or at its first request. Two retries instead of seven:
# an answer of 500 must fail a test, not hang it for four minutes.
os.environ.update(
    MLFLOW_DISABLE_TELEMETRY="true",
    DO_NOT_TRACK="1",
    MLFLOW_HTTP_REQUEST_MAX_RETRIES="2",
    MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="1",
    MLFLOW_HTTP_REQUEST_TIMEOUT="50",
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false",
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true",
    GIT_PYTHON_REFRESH="quiet",
    MPLBACKEND="Agg",
    LOKY_MAX_CPU_COUNT="2",
)
for _name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME",
              "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_REGISTRY_URI",
              "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
    os.environ.pop(_name, None)

import compat_server  # noqa: E402
import mlflow  # noqa: E402
import pytest  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from support import Rest, unique  # noqa: E402

IS_MLFLOW_2 = mlflow.__version__.startswith("2.")
SERVERS = []
# They import what the old client does not have.
collect_ignore = ["test_object_store.py", "test_webhooks.py"] if IS_MLFLOW_2 else []


def pytest_addoption(parser):
    parser.addini("default_time_limit", "seconds a test may take", default="60")


def pytest_configure(config):
    try:
        config.compat_kind, _ = compat_server.selected()
    except LookupError as e:
        raise pytest.UsageError(str(e)) from e


def pytest_report_header(config):
    return f"client: mlflow {mlflow.__version__}; server: {config.compat_kind}"


def pytest_collection_modifyitems(config, items):
    """Drops what the old client cannot do, and what MLflow's own server does not promise."""
    if IS_MLFLOW_2:
        kept = [item for item in items if item.get_closest_marker("mlflow2")
                and not item.get_closest_marker("needs_mlflow3")]
        dropped = [item for item in items if item not in kept]
        items[:] = kept
        config.hook.pytest_deselected(items=dropped)
    if compat_server.REPLICAS:
        for item in items:
            if mark := item.get_closest_marker("keeps_files"):
                item.add_marker(pytest.mark.skip(reason=f"artifacts in S3: {mark.args[0]}"))
    if config.compat_kind == compat_server.MLFLOW:
        for item in items:
            if mark := item.get_closest_marker("trackway_only"):
                item.add_marker(pytest.mark.skip(reason=f"MLflow's server: {mark.args[0]}"))


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
    if report.failed:
        for server in SERVERS:
            if tail := server.tail():
                report.sections.append((f"end of the {server.kind} log ({server.url})", tail))
    return report


@pytest.fixture(scope="session")
def start_server():
    """Starts a further server of the kind under test: `start_server("--static-prefix", "/x")`."""
    started = []

    def start(*extra, kind=None, prefix="", settings=None):
        kind = kind or compat_server.selected()[0]
        server = compat_server.start(kind, extra, prefix, settings)
        started.append(server)
        SERVERS.append(server)
        return server

    yield start
    for server in started:
        SERVERS.remove(server)
        server.stop()
    compat_server.stop_stores()


@pytest.fixture(scope="session")
def server(start_server):
    """The server under test, one per session."""
    kind, url = compat_server.selected()
    return compat_server.Server(kind, url) if url else start_server()


@pytest.fixture(scope="session")
def reference(server, start_server):
    """MLflow's own server: the one under test if it is of that kind, else a second one."""
    if server.kind == compat_server.MLFLOW:
        return server
    return start_server(kind=compat_server.MLFLOW)


@pytest.fixture(autouse=True)
def isolated(request, monkeypatch, tmp_path):
    """Points the client at the server, and leaves no run, autolog or directory behind."""
    monkeypatch.chdir(tmp_path)
    if "server" not in request.fixturenames:
        yield
        return
    url = request.getfixturevalue("server").url
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    mlflow.set_tracking_uri(url)
    yield
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.autolog(disable=True, silent=True)


@pytest.fixture
def client(server):
    """A client of the server under test."""
    return MlflowClient(server.url)


@pytest.fixture
def rest(server):
    """Raw requests against the server under test."""
    return Rest(server.url)


@pytest.fixture
def experiment(client):
    """Id of a new, empty experiment, which the fluent API uses too."""
    experiment_id = client.create_experiment(unique("experiment"))
    mlflow.set_experiment(experiment_id=experiment_id)
    return experiment_id


@pytest.fixture
def run_id(client, experiment):
    """Id of a new run in the new experiment."""
    return client.create_run(experiment).info.run_id


@pytest.fixture
def speakable_ids(monkeypatch):
    """Ids that the old client can put behind a percent sign, as it does in the names of images.

    One that began with 2f or 23 would be read back as a slash or a hash, on any server.
    """
    make = uuid.uuid4

    def uuid4():
        while (made := make()).hex[:2] in ("2f", "23"):
            pass
        return made

    monkeypatch.setattr(uuid, "uuid4", uuid4)
