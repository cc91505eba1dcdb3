"""Artifacts in an object store: through the server, past it by signed URLs, and without it."""

import hashlib
from pathlib import Path

import mlflow
import numpy as np
import pytest
import requests
from mlflow import MlflowClient
from s3_server import BUCKET, S3Server
from sklearn.linear_model import LinearRegression
from support import unique

pytestmark = [
    pytest.mark.time_limit(180),
    pytest.mark.trackway_only("needs the libraries of the cloud beside it"),
]

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def s3():
    """An S3 server of this module."""
    store = S3Server()
    yield store
    store.stop()


@pytest.fixture(scope="module")
def server(start_server, s3):
    """A server that keeps artifacts in S3, and serves runs that are elsewhere in the bucket."""
    settings = {**s3.variables, "TRACKWAY_ARTIFACTS_ALLOWED_STORES": f"s3://{BUCKET}/elsewhere"}
    return start_server("--artifacts-destination", f"s3://{BUCKET}/own", settings=settings)


@pytest.fixture
def small_parts(monkeypatch):
    """Lowers the size from which the client sends a file in parts."""
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(6 * MIB))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 * MIB))


@pytest.fixture
def cloud(s3, monkeypatch):
    """Gives the client the keys of the S3 server."""
    for name, value in s3.variables.items():
        monkeypatch.setenv(name, value)


def write(path, size):
    """A file of `size` bytes that do not repeat, and its digest."""
    content = np.random.default_rng(7).bytes(size)
    Path(path).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_files_and_folders_come_back(client, experiment, tmp_path):
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.txt", "deep/ü b.txt", "empty"):
        (folder / name).write_text("" if name == "empty" else name)
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(folder), "out")
        mlflow.log_text("hello", "notes/hello.txt")
    listed = [f.path for f in client.list_artifacts(run.info.run_id, "out")]
    assert listed == ["out/a.txt", "out/deep", "out/empty"]
    local = Path(client.download_artifacts(run.info.run_id, "out", str(tmp_path)))
    assert (local / "deep/ü b.txt").read_text() == "deep/ü b.txt"
    assert (local / "empty").read_text() == ""
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/hello.txt") == "hello"


def test_a_model_is_logged_registered_and_loaded(experiment, server):
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    name = unique("model")
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            model, name="model", registered_model_name=name, pip_requirements=["scikit-learn"]
        )
    loaded = mlflow.pyfunc.load_model(f"models:/{name}/1")
    assert loaded.predict([[3.0]])[0] == pytest.approx(6.0)
    about = f"{server.url}/api/1.0/models/{name}/versions/1"
    assert requests.post(f"{about}/verify", json={}, timeout=30).json()["result"] == "intact"


def test_a_large_file_goes_past_the_server_both_ways(
    client, run_id, s3, small_parts, tmp_path, monkeypatch
):
    digest = write(tmp_path / "big.bin", 12 * MIB)
    through = []
    send = requests.Session.request

    def spy(session, method, url, **given):
        if f":{client.tracking_uri.rsplit(':', 1)[1]}" in url:
            through.append((method, url))
        return send(session, method, url, **given)

    monkeypatch.setattr(requests.Session, "request", spy)
    client.log_artifact(run_id, str(tmp_path / "big.bin"), "d")
    (tmp_path / "back").mkdir()
    local = client.download_artifacts(run_id, "d/big.bin", str(tmp_path / "back"))
    assert hashlib.sha256(Path(local).read_bytes()).hexdigest() == digest
    moved = [url for method, url in through
             if "/mlflow-artifacts/artifacts/" in url and method in ("GET", "PUT")]
    assert through and moved == []
    uri = client.get_run(run_id).info.artifact_uri
    key = uri.replace("mlflow-artifacts:", "own") + "/d/big.bin"
    # The tag of an object made of parts ends in their number.
    assert s3.client.head_object(Bucket=BUCKET, Key=key)["ETag"].strip('"').endswith("-3")


def test_files_of_a_version_do_not_change_by_any_way(
    client, experiment, server, small_parts, tmp_path
):
    digest = write(tmp_path / "weights.bin", 7 * MIB)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(tmp_path / "weights.bin"), "model")
    name = unique("model")
    client.create_registered_model(name)
    source = f"runs:/{run.info.run_id}/model"
    client.create_model_version(name, source, run.info.run_id)
    about = f"{server.url}/api/1.0/models/{name}/versions/1/files"
    files = requests.get(about, timeout=30).json()["files"]
    assert [(f["path"], f["sha256"]) for f in files] == [("weights.bin", digest)]
    for size in (7 * MIB, 10):
        write(tmp_path / "more.bin", size)
        with pytest.raises(Exception, match="do not change any more"):
            client.log_artifact(run.info.run_id, str(tmp_path / "more.bin"), "model")


def test_an_experiment_elsewhere_in_the_bucket_is_shown(client, server, cloud, s3):
    place = f"s3://{BUCKET}/elsewhere/{unique('e')}"
    experiment_id = client.create_experiment(unique("e"), artifact_location=place)
    run_id = client.create_run(experiment_id).info.run_id
    client.log_text(run_id, "hello", "d/a.txt")
    listed = requests.get(
        f"{server.url}/api/2.0/mlflow/artifacts/list", {"run_id": run_id, "path": "d"}, timeout=30
    ).json()
    assert listed["files"] == [{"path": "d/a.txt", "is_dir": False, "file_size": 5}]
    file = requests.get(
        f"{server.url}/get-artifact", {"run_id": run_id, "path": "d/a.txt"}, timeout=30
    )
    assert file.text == "hello"
    signed = requests.post(
        f"{server.url}/api/2.0/mlflow/artifacts/presigned-download-url",
        json={"run_id": run_id, "path": "d/a.txt"}, timeout=30,
    ).json()
    assert requests.get(signed["presigned_url"], timeout=30).text == "hello"


def test_without_serving_the_client_goes_to_the_store(start_server, s3, cloud):
    server = start_server(
        "--no-serve-artifacts", "--default-artifact-root", f"s3://{BUCKET}/direct",
        settings=s3.variables,
    )
    client = MlflowClient(server.url)
    experiment_id = client.create_experiment(unique("direct"))
    run = client.create_run(experiment_id)
    assert run.info.artifact_uri.startswith(f"s3://{BUCKET}/direct/")
    client.log_metric(run.info.run_id, "m", 1.5)
    client.log_text(run.info.run_id, "hello", "a.txt")
    assert [f.path for f in client.list_artifacts(run.info.run_id)] == ["a.txt"]
    key = run.info.artifact_uri.removeprefix(f"s3://{BUCKET}/") + "/a.txt"
    assert s3.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"hello"
    assert client.get_run(run.info.run_id).data.metrics == {"m": 1.5}
    shown = requests.get(
        f"{server.url}/get-artifact", {"run_id": run.info.run_id, "path": "a.txt"}, timeout=30
    )
    assert shown.text == "hello"
    route = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/x"
    assert requests.get(route, timeout=30).status_code == 503
