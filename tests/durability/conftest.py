"""Fixtures of the durability suite: servers on a data directory of their own, and measured figures.

`TRACKWAY_BIN` names the binary under test. A figure that a test measures is printed at the end of
the session and never compared with a limit if it is a time.
"""

import signal

import process
import pytest

FIGURES = pytest.StashKey[list]()


def pytest_addoption(parser):
    parser.addini("default_time_limit", "seconds a test may take", default="60")


def pytest_configure(config):
    config.stash[FIGURES] = []
    try:
        process.binary()
    except LookupError as e:
        raise pytest.UsageError(str(e)) from e


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[FIGURES]:
        terminalreporter.section("measured")
        for text in config.stash[FIGURES]:
            terminalreporter.line(text)


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
        for server in item.funcargs.get("servers", []):
            report.sections.append(("end of the server's log", server.tail()))
    return report


@pytest.fixture
def figures(request):
    """Takes a line of text with a measured figure."""

    def take(text):
        print(text)
        request.config.stash[FIGURES].append(text)

    return take


@pytest.fixture
def servers():
    """The servers that the test made; all are stopped after it."""
    made = []
    yield made
    for server in made:
        server.kill()


@pytest.fixture
def make_server(servers, tmp_path):
    """Makes a server, not yet started: `make_server("--shutdown-grace", "1", FOLD_X="4")`."""

    def make(*flags, data_dir=None, **settings):
        server = process.Server(data_dir or tmp_path / "data", flags, settings)
        servers.append(server)
        return server

    return make
