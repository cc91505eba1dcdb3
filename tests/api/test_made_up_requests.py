"""Requests that schemathesis makes up from the server's own OpenAPI document."""

import json
import subprocess
import sys

import process
import pytest
from wire import FILES

# The stream of events does not end by itself.
STREAMS = "/api/1.0/events"
# Requests of each kind for each route: enough to reach every field, few enough for every day.
EXAMPLES = 12


@pytest.fixture
def server(tmp_path):
    """A server with a run, a metric, a file and a model, so that requests find something."""
    server = process.Server(tmp_path / "data").start()
    client = server.client()
    run = client.post("runs/create", experiment_id="0", run_name="r").ok()["run"]["info"]["run_id"]
    metrics = [{"key": "m", "value": step % 7, "timestamp": step, "step": step}
               for step in range(900)]
    client.post("runs/log-batch", run_id=run, metrics=metrics,
                params=[{"key": "p", "value": "1"}], tags=[{"key": "t", "value": "x"}]).ok()
    client.send("PUT", f"{FILES}/0/{run}/artifacts/model/a.txt", b"text")
    client.post("registered-models/create", name="model").ok()
    client.post("model-versions/create", name="model", source=f"runs:/{run}/model", run_id=run).ok()
    client.post("registered-models/alias", name="model", alias="champion", version="1").ok()
    yield server
    server.kill()


def test_no_request_that_the_document_allows_or_forbids_makes_the_server_fail(server, tmp_path):
    address = f"http://127.0.0.1:{server.port}"
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/1.0/openapi.json",
        "--url", address, "--checks", "not_a_server_error", "--mode", "all",
        "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES),
        "--seed", "1", "--generation-deterministic", "--max-time", "75", "--exclude-path", STREAMS,
        "--request-timeout", "60", "--no-color", "--suppress-health-check", "all"]
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    said = outcome.stdout[-8_000:] + outcome.stderr[-2_000:]
    assert outcome.returncode == 0, said + server.tail()
    assert server.is_running()
    document = json.loads(server.client().send("GET", "/api/1.0/openapi.json").content)
    assert len(document["paths"]) > 40
