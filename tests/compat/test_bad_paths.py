"""Traversal: no path field of any route reaches outside the artifact folder."""

from urllib.parse import quote

import pytest
import routes
from support import Rest, assert_no_server_fault, assert_refused, exchange, unique

pytestmark = pytest.mark.mlflow2

# As they stand on the wire, below a path or in a query.
TRAVERSALS = [
    "../x", "../../../../etc/passwd", "a/../../x", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/x",
    "%2e%2e%2fx", "%252e%252e%252fx", "%25252e%25252e/x", "a/%2e%2e/%2e%2e/x", "..", "a/..",
    "%2fetc%2fpasswd", "a%23b",
    "C:%5cx", "file:%2f%2f%2fetc%2fpasswd",
]
# Not a traversal everywhere, but nothing a server may stumble over.
ODD = ["a%00b", "%ff%fe", "..%5c..%5cx", "%5cetc%5cpasswd", "x" * 300, "a/" * 200 + "b", "%0a",
       "con", "~root", "$HOME", "a//b", "./a", "%2e", "a%0d%0aX:%20y"]


@pytest.fixture(scope="module")
def ids(server):
    """Ids of an experiment, a run and a logged model that the requests name."""
    return routes.subject(Rest(server.url), unique("bad paths"))


def targets(ids, path):
    """Every request of the API that carries `path`, as (method, target, body)."""
    proxy, run, model = f"{routes.ARTIFACTS}/artifacts", ids["run"], ids["model"]
    below = f"/api/2.0/mlflow/logged-models/{model}/artifacts/directories"
    files = f"{routes.AJAX}/logged-models/{model}/artifacts/files"
    return [
        ("GET", f"{proxy}/{path}", None),
        ("PUT", f"{proxy}/{path}", b"escaped"),
        ("DELETE", f"{proxy}/{path}", None),
        ("GET", f"{proxy}?path={path}", None),
        ("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run}&path={path}", None),
        ("GET", f"/get-artifact?run_id={run}&path={path}", None),
        ("POST", f"{routes.AJAX}/upload-artifact?run_uuid={run}&path={path}", b"escaped"),
        ("GET", f"{below}?artifact_directory_path={path}", None),
        ("GET", f"{files}?artifact_file_path={path}", None),
    ]


@pytest.mark.trackway_only("lets some spellings through to a 404 or a 500")
@pytest.mark.parametrize("path", TRAVERSALS)
def test_a_traversal_is_refused_in_every_path_field(server, ids, path):
    for method, target, body in targets(ids, path):
        answer = exchange(server.url, method, target, body)
        try:
            assert_refused(answer)
        except AssertionError as e:
            raise AssertionError(f"{method} {target}: {e}") from e
        assert b"root:" not in answer.content


@pytest.mark.trackway_only("answers some of these with 500")
@pytest.mark.parametrize("path", ODD)
def test_an_odd_path_is_no_server_fault_anywhere(server, ids, path):
    for method, target, body in targets(ids, path):
        answer = exchange(server.url, method, target, body)
        if answer.status_code == 400 and b'"detail"' in answer.content:
            # How MLflow refuses the download of a folder: the one answer of another shape.
            assert "refers to a directory" in answer.json()["detail"]
            continue
        try:
            assert_no_server_fault(answer)
        except AssertionError as e:
            raise AssertionError(f"{method} {target[:120]}: {e}") from e
        assert b"root:" not in answer.content


@pytest.mark.parametrize("path", ["../x", "a/../../x", "..%2f..%2fetc%2fpasswd", "%2e%2e/x"])
def test_an_upload_never_leaves_the_artifact_folder(server, ids, path):
    mark = unique("escaped")
    exchange(server.url, "PUT", f"{routes.ARTIFACTS}/artifacts/{path}-{mark}", b"x")
    if server.data_dir:
        assert [p for p in server.data_dir.parent.glob(f"*{mark}")] == []
        assert [p for p in server.data_dir.rglob(f"*{mark}")] == []


@pytest.mark.parametrize("location", [
    "s3://bucket/a#fragment", "s3://bucket/a?x=../..", "runs:/abc/x", "s3://bucket/" + "x" * 3000,
])
def test_artifact_locations_that_are_not_allowed_are_refused(rest, location):
    body = {"name": unique("located"), "artifact_location": location}
    assert_refused(rest.send("experiments/create", body), "INVALID_PARAMETER_VALUE")


def test_a_run_id_with_slashes_is_not_a_path(server, rest, ids):
    for text in ("../" + ids["run"], ids["run"] + "/..", "..", "/", ids["run"] + "\x00"):
        for path in ("runs/get?run_id=", "artifacts/list?run_id="):
            target = f"/api/2.0/mlflow/{path}{quote(text, safe='')}"
            assert_refused(exchange(server.url, "GET", target))
        assert_refused(rest.send("runs/log-batch", {"run_id": text}))
