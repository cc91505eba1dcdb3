"""Files up and down through the server: every `log_*` of the client, listing, deletion."""

import json
import os
import re
from pathlib import Path

import matplotlib
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from PIL import Image
from support import Rest, assert_refused

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

pytestmark = [pytest.mark.mlflow2, pytest.mark.replicas]

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


def listing(client, run_id, path=None):
    """What is listed: {path: size or None for a folder}."""
    return {f.path: f.file_size for f in client.list_artifacts(run_id, path)}


def fetched(client, run_id, path):
    """Bytes of one artifact, read through the client."""
    return Path(client.download_artifacts(run_id, path)).read_bytes()


def proxy_path(client, run_id):
    """Path of a run's artifact folder below the artifact proxy."""
    uri = client.get_run(run_id).info.artifact_uri
    assert uri.startswith("mlflow-artifacts:/"), uri
    return f"{PROXY}/{uri.removeprefix('mlflow-artifacts:/').lstrip('/')}"


def test_a_file_comes_back_byte_for_byte(client, run_id, tmp_path):
    content = os.urandom(300_000)
    (tmp_path / "weights.bin").write_bytes(content)
    (tmp_path / "empty.txt").write_bytes(b"")
    client.log_artifact(run_id, str(tmp_path / "weights.bin"))
    client.log_artifact(run_id, str(tmp_path / "empty.txt"), "deep/er")
    assert listing(client, run_id) == {"deep": None, "weights.bin": 300_000}
    assert listing(client, run_id, "deep") == {"deep/er": None}
    # MLflow leaves the size of an empty file out, as it does every zero.
    assert listing(client, run_id, "deep/er")["deep/er/empty.txt"] in (0, None)
    assert fetched(client, run_id, "weights.bin") == content
    assert fetched(client, run_id, "deep/er/empty.txt") == b""


def test_a_folder_goes_up_and_comes_down_whole(client, run_id, tmp_path):
    files = {"a.txt": b"a", "sub/b.txt": b"bb", "sub/sub/c.json": b"{}", "sub/é/d": b"\x00\xff"}
    for name, content in files.items():
        (tmp_path / "up" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / name).write_bytes(content)
    client.log_artifacts(run_id, str(tmp_path / "up"), "folder")
    down = Path(client.download_artifacts(run_id, "folder"))
    read = {p.relative_to(down).as_posix(): p.read_bytes() for p in down.rglob("*") if p.is_file()}
    assert read == files
    everything = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=""))
    assert (everything / "folder" / "sub" / "b.txt").read_bytes() == b"bb"


@pytest.mark.parametrize(
    "name", ["größe 試験 🚀.txt", "with space & plus+.txt", "50%.txt", "quote'\".txt", "a=b;c.txt"]
)
def test_odd_file_names_survive(client, run_id, tmp_path, name):
    (tmp_path / name).write_text("x")
    client.log_artifact(run_id, str(tmp_path / name), "odd names/é")
    assert listing(client, run_id, "odd names/é") == {f"odd names/é/{name}": 1}
    assert fetched(client, run_id, f"odd names/é/{name}") == b"x"


def test_logging_a_file_again_replaces_it(client, run_id):
    client.log_text(run_id, "first and longer", "note.txt")
    client.log_text(run_id, "second", "note.txt")
    assert listing(client, run_id) == {"note.txt": 6}
    assert fetched(client, run_id, "note.txt") == b"second"


def test_text_and_dicts_are_read_back(client, run_id):
    client.log_text(run_id, "zwei\nZeilen ü", "notes/note.md")
    client.log_dict(run_id, {"a": [1, None, "ü"]}, "conf.json")
    client.log_dict(run_id, {"b": {"c": 1.5}}, "conf.yaml")
    uri = client.get_run(run_id).info.artifact_uri
    assert mlflow.artifacts.load_text(f"{uri}/notes/note.md") == "zwei\nZeilen ü"
    assert mlflow.artifacts.load_dict(f"{uri}/conf.json") == {"a": [1, None, "ü"]}
    assert mlflow.artifacts.load_dict(f"runs:/{run_id}/conf.json") == {"a": [1, None, "ü"]}
    assert b"c: 1.5" in fetched(client, run_id, "conf.yaml")


def test_figures_are_stored_as_the_named_type(client, run_id):
    figure, axes = plt.subplots()
    axes.plot([0, 1, 4, 9])
    client.log_figure(run_id, figure, "plots/curve.png")
    client.log_figure(run_id, figure, "plots/curve.svg")
    plt.close(figure)
    assert fetched(client, run_id, "plots/curve.png").startswith(b"\x89PNG")
    assert b"<svg" in fetched(client, run_id, "plots/curve.svg")


def test_an_image_with_a_file_name_is_read_back(client, run_id):
    pixels = (np.arange(16 * 16 * 3) % 256).astype(np.uint8).reshape(16, 16, 3)
    client.log_image(run_id, pixels, "image.png")
    client.log_image(run_id, Image.fromarray(pixels), "pil.png")
    for name in ("image.png", "pil.png"):
        image = Image.open(client.download_artifacts(run_id, name))
        assert np.array_equal(np.asarray(image), pixels)


def check_image_steps(client, run_id, key, name):
    """Logs two steps of an image under `key`; expects files that begin with `name`."""
    pixels = np.full((8, 8, 3), 200, dtype=np.uint8)
    for step in (0, 5):
        client.log_image(run_id, pixels, key=key, step=step, synchronous=True)
    names = [Path(path).name for path in listing(client, run_id, "images")]
    assert [n.endswith((".png", ".webp")) for n in names] == [True] * 4
    # A client writes the step between two marks, which have changed between its versions.
    for step in (0, 5):
        pattern = re.compile(rf"{name}(?P<mark>.)step(?P=mark){step}(?P=mark)")
        assert len([n for n in names if pattern.match(n)]) == 2, names
    assert client.get_run(run_id).data.tags["mlflow.loggedImages"] == "True"
    for path in listing(client, run_id, "images"):
        assert len(fetched(client, run_id, path)) > 0


@pytest.mark.usefixtures("speakable_ids")
def test_an_image_with_a_key_and_a_step_is_stored_and_marked(client, run_id):
    check_image_steps(client, run_id, "frame", "frame")


@pytest.mark.needs_mlflow3("the old client cuts the upload's address at the mark for a slash")
def test_an_image_key_with_a_slash_is_stored(client, run_id):
    check_image_steps(client, run_id, "layer/one", "layer~one")


def test_a_table_grows_and_is_loaded_across_runs(client, experiment):
    ids = [client.create_run(experiment).info.run_id for _ in range(2)]
    for n, run in enumerate(ids):
        client.log_table(run, {"q": ["a", "b"], "score": [n, n + 0.5]}, "eval.json")
    client.log_table(ids[0], pd.DataFrame({"q": ["c"], "score": [9.0]}), "eval.json")
    table = mlflow.load_table("eval.json", run_ids=[ids[0]], extra_columns=["run_id"])
    assert table["q"].tolist() == ["a", "b", "c"]
    assert table["run_id"].unique().tolist() == [ids[0]]
    everything = client.load_table(experiment, "eval.json")
    assert sorted(everything["score"].tolist()) == [0.0, 0.5, 1.0, 1.5, 9.0]
    tag = json.loads(client.get_run(ids[0]).data.tags["mlflow.loggedArtifacts"])
    assert tag == [{"path": "eval.json", "type": "table"}]


def test_many_files_in_one_folder_are_all_listed_in_order(client, run_id, tmp_path):
    for n in range(120):
        (tmp_path / "many").mkdir(exist_ok=True)
        (tmp_path / "many" / f"{n:03}.txt").write_text(str(n))
    client.log_artifacts(run_id, str(tmp_path / "many"))
    assert [f.path for f in client.list_artifacts(run_id)] == [f"{n:03}.txt" for n in range(120)]


def test_an_artifact_and_a_folder_can_be_deleted(client, run_id):
    client.log_text(run_id, "1", "keep.txt")
    client.log_text(run_id, "2", "gone.txt")
    client.log_text(run_id, "3", "folder/inner.txt")
    repository = get_artifact_repository(client.get_run(run_id).info.artifact_uri)
    repository.delete_artifacts("gone.txt")
    repository.delete_artifacts("folder")
    repository.delete_artifacts("never there")
    assert listing(client, run_id) == {"keep.txt": 1}


def test_missing_artifacts_are_not_found_and_list_as_empty(client, rest, run_id):
    assert client.list_artifacts(run_id) == []
    assert client.list_artifacts(run_id, "nowhere") == []
    answer = rest.get(f"{proxy_path(client, run_id)}/nowhere.txt")
    assert answer.status_code == 404
    assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(Exception, match="nowhere.txt"):
        client.download_artifacts(run_id, "nowhere.txt")


def test_a_part_of_a_file_can_be_asked_for(client, server, run_id):
    client.log_text(run_id, "0123456789", "digits.txt")
    address = Rest(server.url).at(f"{proxy_path(client, run_id)}/digits.txt")
    session = Rest(server.url).session
    for wanted, expected, span in [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
    ]:
        part = session.get(address, headers={"Range": wanted}, timeout=10)
        assert (part.status_code, part.content) == (206, expected), wanted
        assert part.headers["Content-Range"] == span
    assert session.get(address, timeout=10).content == b"0123456789"


def test_downloads_are_attachments_that_browsers_do_not_sniff(client, rest, run_id):
    client.log_text(run_id, "<script>alert(1)</script>", "page.html")
    for answer in (
        rest.get(f"{proxy_path(client, run_id)}/page.html"),
        rest.get("/get-artifact", run_id=run_id, path="page.html"),
    ):
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.text == "<script>alert(1)</script>"


def test_the_route_of_the_ui_uploads_and_the_run_lists_it(client, rest, run_id):
    path = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=x/y.json"
    assert rest.raw(path, b'{"up": 1}').status_code == 200
    assert listing(client, run_id, "x") == {"x/y.json": 9}
    listed = rest.get("artifacts/list", run_id=run_id, path="x").json()
    assert listed["root_uri"] == client.get_run(run_id).info.artifact_uri
    assert listed["files"] == [{"path": "x/y.json", "is_dir": False, "file_size": 9}]
    too_big = rest.raw(path, b"x" * (10 * 1024 * 1024 + 1))
    assert_refused(too_big)


def test_thirty_megabytes_go_up_and_down(client, run_id, tmp_path):
    block = os.urandom(1 << 20)
    (tmp_path / "big.bin").write_bytes(block * 30)
    client.log_artifact(run_id, str(tmp_path / "big.bin"))
    assert listing(client, run_id) == {"big.bin": 30 << 20}
    assert fetched(client, run_id, "big.bin") == block * 30
