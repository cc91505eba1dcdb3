"""Registered versions do not change: what clients do every day goes on, and what would change a
version is refused in words that name it."""

import hashlib
import time
from pathlib import Path

import mlflow
import numpy as np
import pytest
import requests
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from support import Rest, unique

pytestmark = [
    pytest.mark.mlflow2,
    pytest.mark.time_limit(180),
    pytest.mark.trackway_only("changes and deletes what versions come from, and keeps no digests"),
]

REQUIREMENTS = ["scikit-learn"]


@pytest.fixture(scope="module")
def trained():
    """A fitted classifier and the frame it was fitted on."""
    features, target = load_iris(return_X_y=True, as_frame=True)
    return LogisticRegression(max_iter=500).fit(features, target), features


def digest_of(folder):
    """The digest over the files of a folder, as docs/registry.md says to compute it."""
    root = Path(folder)
    files = sorted((p.relative_to(root).as_posix(), p) for p in root.rglob("*") if p.is_file())
    lines = (
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.stat().st_size}  {name}\n"
        for name, p in files
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def about(server, name, version, what):
    """Our own answer about the files of a version."""
    rest = Rest(server.url)
    path = f"/api/1.0/models/{name}/versions/{version}/{what}"
    answer = rest.send(path, {}) if what == "verify" else rest.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def log(model, **given):
    """Logs a model in a run of its own, and gives the run and what the client says."""
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(
            model, artifact_path="model", pip_requirements=REQUIREMENTS, **given
        )
    return run.info.run_id, info


def test_a_logged_and_registered_model_has_the_digest_of_what_is_downloaded(
    server, client, experiment, trained, tmp_path
):
    name = unique("churn")
    model, features = trained
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(
            model, artifact_path="model", registered_model_name=name,
            pip_requirements=REQUIREMENTS, input_example=features.head(3),
        )
        # The run goes on after the registration.
        mlflow.log_metric("later", 1)
        mlflow.log_text("notes", "notes.txt")
        mlflow.log_dict({"a": 1}, "reports/a.json")
        mlflow.sklearn.log_model(model, artifact_path="other", pip_requirements=REQUIREMENTS)
    assert client.get_run(run.info.run_id).info.status == "FINISHED"
    loaded = mlflow.sklearn.load_model(f"models:/{name}/1")
    assert np.array_equal(loaded.predict(features), model.predict(features))
    folder = mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=tmp_path / "down")
    # The client adds this file to what it downloads.
    Path(folder, "registered_model_meta").unlink(missing_ok=True)
    manifest = about(server, name, 1, "manifest")
    assert (manifest["state"], manifest["note"]) == ("frozen", "")
    assert manifest["digest"] == digest_of(folder)
    assert about(server, name, 1, "verify")["result"] == "intact"


def test_one_model_is_registered_twice_and_copied(server, client, experiment, trained):
    name, copy = unique("churn"), unique("copy")
    run_id, _ = log(trained[0])
    first = mlflow.register_model(f"runs:/{run_id}/model", name)
    second = mlflow.register_model(f"runs:/{run_id}/model", name)
    copied = client.copy_model_version(f"models:/{name}/{second.version}", copy)
    digests = {
        about(server, model, version.version, "manifest")["digest"]
        for model, version in [(name, first), (name, second), (copy, copied)]
    }
    assert len(digests) == 1 and None not in digests
    loaded = mlflow.pyfunc.load_model(f"models:/{copy}/{copied.version}")
    assert len(loaded.predict(trained[1])) == len(trained[1])


def test_autologging_registers_version_after_version(server, client, experiment, trained):
    name = unique("auto")
    features, target = load_iris(return_X_y=True, as_frame=True)
    mlflow.sklearn.autolog(silent=True, registered_model_name=name)
    for c in (0.5, 1.0):
        LogisticRegression(C=c, max_iter=300).fit(features, target)
        run = mlflow.last_active_run()
        files = {f.path for f in client.list_artifacts(run.info.run_id)}
        assert {"training_confusion_matrix.png", "estimator.html"} <= files
    for version in (1, 2):
        assert about(server, name, version, "manifest")["state"] == "frozen"
        assert about(server, name, version, "verify")["result"] == "intact"


def upload_again(client, run_id, info, folder):
    """Uploads a folder over the files of a logged model, as this client would."""
    if getattr(info, "model_id", None):
        client.log_model_artifacts(info.model_id, folder)
    else:
        client.log_artifacts(run_id, folder, "model")


def test_an_overwritten_file_is_refused_at_once_and_in_plain_words(
    server, client, experiment, trained, tmp_path
):
    name = unique("churn")
    run_id, info = log(trained[0])
    mlflow.register_model(f"runs:/{run_id}/model", name)
    folder = mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=tmp_path / "down")
    Path(folder, "registered_model_meta").unlink(missing_ok=True)
    # What a client sends once more changes nothing.
    upload_again(client, run_id, info, folder)
    for change in ("requirements.txt", "added.txt"):
        changed = tmp_path / change.replace(".", "-")
        changed.mkdir()
        (changed / change).write_text("numpy\n")
        begin = time.monotonic()
        # The client reports a refused upload as the failed request that it is.
        with pytest.raises((MlflowException, requests.HTTPError)) as caught:
            upload_again(client, run_id, info, str(changed))
        assert time.monotonic() - begin < 5, "the client tried again"
        told = str(caught.value)
        assert f"the registered model version {name}/1 do not change any more" in told, told
        assert "Log a new model, or delete this version first." in told, told
    assert about(server, name, 1, "verify")["result"] == "intact"
    client.delete_model_version(name, "1")
    upload_again(client, run_id, info, str(changed))


def test_what_a_version_comes_from_is_not_deleted(client, experiment, trained):
    name = unique("churn")
    run_id, info = log(trained[0], registered_model_name=name)
    model_id = getattr(info, "model_id", None)
    attempts = [(client.delete_run, run_id), (client.delete_experiment, experiment)]
    if model_id:
        attempts.append((client.delete_logged_model, model_id))
    for delete, given in attempts:
        begin = time.monotonic()
        with pytest.raises(MlflowException) as caught:
            delete(given)
        assert time.monotonic() - begin < 5, "the client tried again"
        assert caught.value.error_code == "RESOURCE_CONFLICT"
        assert f"{name}/1" in caught.value.message
    assert client.get_run(run_id).info.lifecycle_stage == "active"
    client.delete_model_version(name, "1")
    for delete, given in reversed(attempts):
        delete(given)


def test_a_run_that_is_registered_as_a_whole_goes_on(server, client, experiment, tmp_path):
    name = client.create_registered_model(unique("whole")).name
    (tmp_path / "w.bin").write_bytes(b"weights")
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(tmp_path / "w.bin"))
        source = mlflow.get_artifact_uri()
        client.create_model_version(name, source, run.info.run_id)
        mlflow.log_text("later", "later.txt")
        (tmp_path / "w.bin").write_bytes(b"changed")
        with pytest.raises(Exception, match=f"{name}/1"):
            mlflow.log_artifact(str(tmp_path / "w.bin"))
    assert about(server, name, 1, "manifest")["state"] == "growing"
    assert about(server, name, 1, "verify")["result"] == "intact"
