"""The server around the API: health, version, unknown routes, Host, Origin, prefix, request id."""

import mlflow
import pytest
from mlflow import MlflowClient
from packaging.version import Version
from support import Rest, assert_refused, error_of, exchange, unique

pytestmark = pytest.mark.mlflow2

# Routes of parts of MLflow that a tracking server may lack, and one that nobody has.
ELSEWHERE = [
    ("GET", "/api/2.0/mlflow/no-such-route"),
    ("POST", "/api/2.0/mlflow/runs/no-such-route"),
    ("GET", "/ajax-api/2.0/mlflow/no-such-route"),
    ("POST", "/api/2.0/mlflow/users/create"),
    ("GET", "/api/2.0/mlflow/users/get?username=x"),
    ("POST", "/api/3.0/mlflow/traces"),
    ("POST", "/api/3.0/mlflow/traces/search"),
    ("POST", "/v1/traces"),
    ("GET", "/api/3.0/mlflow/workspaces"),
    ("POST", "/ajax-api/2.0/mlflow/runs/create-promptlab-run"),
    ("GET", "/api/9.9/mlflow/runs/get"),
]


def test_health_says_ok(rest):
    answer = rest.get("/health")
    assert (answer.status_code, answer.text) == (200, "OK")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_the_version_can_be_parsed(rest):
    answer = rest.get("/version")
    assert answer.status_code == 200
    assert Version(answer.text) >= Version("3.0")


@pytest.mark.keeps_files("uploads in parts are offered there")
def test_server_info_says_what_a_client_may_use(rest):
    for prefix in ("/api", "/ajax-api"):
        answer = rest.get(f"{prefix}/3.0/mlflow/server-info")
        assert answer.status_code == 200
        info = answer.json()
        assert isinstance(info["store_type"], str) and info["store_type"]
        assert info["workspaces_enabled"] is False
        assert info["multipart_uploads_enabled"] is False


@pytest.mark.trackway_only("answers unknown routes with an HTML page")
@pytest.mark.parametrize(("method", "target"), ELSEWHERE)
def test_a_route_that_is_not_there_answers_in_the_error_shape(server, method, target):
    body = b"{}" if method == "POST" else None
    headers = {"Content-Type": "application/json"} if body else None
    answer = exchange(server.url, method, target, body, headers)
    assert answer.status_code in (404, 501), answer.text[:200]
    assert error_of(answer) in ("ENDPOINT_NOT_FOUND", "NOT_FOUND", "NOT_IMPLEMENTED")


@pytest.mark.trackway_only("answers a wrong method with an HTML page")
@pytest.mark.parametrize(("method", "target"), [
    ("GET", "/api/2.0/mlflow/runs/create"), ("DELETE", "/api/2.0/mlflow/runs/get"),
    ("PUT", "/api/2.0/mlflow/experiments/search"), ("POST", "/api/2.0/mlflow/runs/get"),
])
def test_a_wrong_method_is_refused_in_the_error_shape(server, method, target):
    answer = exchange(server.url, method, target, b"{}", {"Content-Type": "application/json"})
    assert answer.status_code in (404, 405)
    assert_refused(answer)


def test_both_prefixes_serve_the_same(rest, run_id):
    path = "2.0/mlflow/runs/get"
    answers = [rest.get(f"/{prefix}/{path}", run_id=run_id) for prefix in ("api", "ajax-api")]
    assert [a.status_code for a in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize(("host", "allowed"), [
    ("localhost", True), ("localhost:5000", True), ("127.0.0.1:1", True), ("[::1]:5000", True),
    ("10.1.2.3:5000", True), ("192.168.0.9", True), ("172.16.0.1", True), ("0.0.0.0:5000", True),
    ("evil.example", False), ("evil.example:5000", False), ("localhost.evil.example", False),
    ("8.8.8.8", False), ("127.0.0.1.evil.example", False), ("172.32.0.1", False),
])
def test_only_local_and_private_hosts_are_served(server, host, allowed):
    target = "/api/2.0/mlflow/experiments/get?experiment_id=0"
    answer = exchange(server.url, "GET", target, headers={"Host": host})
    assert answer.status_code == (200 if allowed else 403), answer.text[:200]
    if not allowed:
        assert "Invalid Host header - possible DNS rebinding attack detected" in answer.text


@pytest.mark.parametrize("target", ["/health", "/version"])
def test_probes_may_use_any_host(server, target):
    answer = exchange(server.url, "GET", target, headers={"Host": "evil.example"})
    assert answer.status_code == 200


@pytest.mark.parametrize(("origin", "allowed"), [
    (None, True), ("http://localhost:3000", True), ("http://127.0.0.1:8080", True),
    ("http://[::1]:5000", True), ("http://evil.example", False), ("null", False),
    ("https://localhost.evil.example", False),
])
def test_writes_from_foreign_origins_are_refused(server, origin, allowed):
    body = ('{"name": "%s"}' % unique("origin")).encode()
    headers = {"Content-Type": "application/json", **({"Origin": origin} if origin else {})}
    answer = exchange(server.url, "POST", "/api/2.0/mlflow/experiments/create", body, headers)
    assert answer.status_code == (200 if allowed else 403), answer.text[:200]
    if not allowed:
        assert "Cross-origin request blocked" in answer.text


@pytest.mark.trackway_only("has no request ids")
def test_every_answer_carries_a_request_id_of_its_own(server, rest, run_id):
    answers = [
        rest.get("/health"), rest.get("/version"), rest.get("runs/get", run_id=run_id),
        rest.get("runs/get", run_id="0" * 32), rest.get("no/such/route"),
        rest.send("runs/create", {"experiment_id": []}),
        rest.get("/api/2.0/mlflow-artifacts/artifacts"),
        rest.get("/api/2.0/mlflow-artifacts/artifacts/nowhere"),
        exchange(server.url, "GET", "/api/2.0/mlflow/runs/get", headers={"Host": "evil.example"}),
    ]
    ids = [answer.headers.get("x-request-id") for answer in answers]
    assert all(ids), ids
    assert len(set(ids)) == len(ids)


def test_the_static_prefix_is_in_front_of_everything(start_server, tmp_path):
    prefixed = start_server("--static-prefix", "/track/way", prefix="/track/way")
    address = f"{prefixed.url}/track/way"
    rest = Rest(prefixed.url)
    assert rest.get("/track/way/version").status_code == 200
    assert rest.get("/api/2.0/mlflow/experiments/get", experiment_id="0").status_code == 404
    client = MlflowClient(address)
    mlflow.set_tracking_uri(address)
    run = client.create_run(client.create_experiment("prefixed"))
    client.log_metric(run.info.run_id, "m", 1.0)
    client.log_text(run.info.run_id, "below the prefix", "note.txt")
    assert client.get_run(run.info.run_id).data.metrics == {"m": 1.0}
    down = client.download_artifacts(run.info.run_id, "note.txt", str(tmp_path))
    assert open(down).read() == "below the prefix"
