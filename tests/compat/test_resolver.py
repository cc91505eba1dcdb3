"""A serving process follows an alias, by the script that the documentation shows."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest
import requests
from support import unique

pytestmark = pytest.mark.time_limit(270)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "resolver.md"


def constant(number):
    """A model that predicts one number for everything."""

    # Of a class inside a function the file holds the code, so that the script can load it.
    class Constant(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [number] * len(model_input)

    return Constant()


@pytest.fixture
def name(client):
    """A registered model with two versions."""
    name = unique("follow")
    mlflow.set_experiment(unique("follow"))
    for number in (1, 2):
        with mlflow.start_run():
            mlflow.pyfunc.log_model(
                name="model", python_model=constant(number), registered_model_name=name,
                pip_requirements=["mlflow"],
            )
    return name


@pytest.fixture
def follower(server, name, tmp_path):
    """The documentation's script at work, with the name of this test's model."""
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert "models:/churn@champion" in script
    script = script.replace("models:/churn@", f"models:/{name}@")
    path = tmp_path / "follower.py"
    path.write_text(script)
    environment = {**os.environ, "MLFLOW_TRACKING_URI": server.url}
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen([sys.executable, str(path)], env=environment, stdout=log,
                                   stderr=log)
    yield process
    process.kill()
    process.wait()


def consumer_once(server, name, wanted):
    """How the follower stands, as soon as `wanted` holds of it."""
    address = f"{server.url}/api/1.0/models/{name}/consumers"
    deadline = time.monotonic() + 120
    found = []
    while time.monotonic() < deadline:
        found = requests.get(address, timeout=30).json()["consumers"]
        if found and wanted(found[0]):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"the follower never came so far: {found}")


def test_the_documented_follower_serves_what_the_alias_points_at(client, server, name, follower):
    client.set_registered_model_alias(name, "champion", "1")
    first = consumer_once(server, name, lambda c: c["loaded_version"] == "1")
    assert (first["consumer"], first["status"], first["state"]) == ("scoring", "in_sync", "loaded")
    client.set_registered_model_alias(name, "champion", "2")
    second = consumer_once(server, name, lambda c: c["loaded_version"] == "2")
    assert second["status"] == "in_sync" and second["desired_version"] == "2"
    client.delete_registered_model_alias(name, "champion")
    left = consumer_once(server, name, lambda c: c["status"] != "in_sync")
    assert left["status"] == "behind" and "was deleted at" in left["reason"]
    client.set_registered_model_alias(name, "champion", "1")
    back = consumer_once(server, name, lambda c: c["loaded_version"] == "1")
    assert back["status"] == "in_sync"
    assert follower.poll() is None


def test_a_load_that_fails_is_told_with_what_is_still_served(client, server, name, follower):
    client.set_registered_model_alias(name, "champion", "1")
    consumer_once(server, name, lambda c: c["loaded_version"] == "1")
    run = client.create_run("0").info
    source = f"{run.artifact_uri}/nothing"
    broken = client.create_model_version(name, source, run_id=run.run_id).version
    client.set_registered_model_alias(name, "champion", broken)
    failed = consumer_once(server, name, lambda c: c["status"] == "failed")
    assert failed["loaded_version"] == "1" and failed["desired_version"] == broken
    assert failed["error"] == failed["reason"] != ""


def test_a_resolved_version_is_the_one_that_the_client_loads(client, server, name):
    client.set_registered_model_alias(name, "champion", "2")
    address = f"{server.url}/api/1.0/resolve"
    found = requests.get(address, params={"uri": f"models:/{name}@champion"}, timeout=30)
    body = found.json()
    version = client.get_model_version_by_alias(name, "champion")
    assert (body["version"], body["run_id"]) == (version.version, version.run_id)
    assert body["download_uri"] == client.get_model_version_download_uri(name, "2")
    assert found.headers["x-trackway-run"] == version.run_id
    model = mlflow.pyfunc.load_model(body["storage_uri"])
    assert model.predict([0]) == [2]
