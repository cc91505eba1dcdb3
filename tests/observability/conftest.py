"""Fixtures of the observability suite: a server of the binary in `TRACKWAY_BIN`, and promtool."""

import os
import subprocess
from pathlib import Path

import process
import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@pytest.fixture
def make_server(tmp_path):
    """Makes a server, not yet started: `make_server("--access-log", SERVER_DRAIN_S="2")`."""
    made = []

    def make(*flags, **settings):
        server = process.Server(tmp_path / f"data{len(made)}", flags, settings)
        made.append(server)
        return server

    yield make
    for server in made:
        server.kill()


@pytest.fixture
def promtool():
    """Runs promtool on the files of `deploy/prometheus`; it must succeed, and its output is given."""

    def run(*arguments, text=None):
        outcome = subprocess.run(
            [os.environ["PROMTOOL"], *arguments], cwd=DEPLOY / "prometheus", input=text,
            capture_output=True, text=True, timeout=60)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        return outcome.stdout + outcome.stderr

    return run


@pytest.fixture
def deploy():
    """The folder with rules and dashboard."""
    return DEPLOY
