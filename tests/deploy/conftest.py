"""Fixtures of the suite of docs/deploy.md: a place for each deployment, and an S3 server.

`TRACKWAY_BIN` names the binary under test, `TRACKWAY_TEST_DATABASE` a PostgreSQL that may be used,
`TRACKWAY_TEST_PSQL` one of its programs.
"""

import os
from pathlib import Path

import pytest
from s3_server import S3Server

BINARY = Path(os.environ.get("TRACKWAY_BIN", "")).resolve()


def pytest_configure(config):
    if not BINARY.is_file() or not os.environ.get("TRACKWAY_TEST_DATABASE"):
        raise pytest.UsageError("set TRACKWAY_BIN and TRACKWAY_TEST_DATABASE")


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    """Folders with `trackway` and PostgreSQL's programs."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "trackway").symlink_to(BINARY)
    psql = os.environ.get("TRACKWAY_TEST_PSQL", "/usr/bin/psql")
    return [folder, Path(psql).parent]


@pytest.fixture(scope="session")
def s3():
    """The S3 server of the session."""
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def services():
    """Everything that a test started; ended after it."""
    started = []
    yield started
    for service in reversed(started):
        service.kill()
