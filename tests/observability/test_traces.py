"""Spans of requests, transactions, files and webhooks as a collector gets them, and none of it felt."""

import json
import re
import subprocess
import time
from pathlib import Path

import process
import pytest
from collector import PATH, Collector, wait_until

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{CALLER}-01", f"00-{TRACE}-{CALLER}-00"
CREATE = "/api/2.0/mlflow/runs/create"
FILES = "/api/2.0/mlflow-artifacts/artifacts/{*path}"


@pytest.fixture
def collector():
    """A collector, listening."""
    made = Collector()
    yield made
    made.stop()


@pytest.fixture
def traced(make_server, collector):
    """Makes and starts a server that sends its spans to the collector."""

    def make(*flags, **settings):
        return make_server(*flags, TRACES_ENDPOINT=collector.url, **settings).start()

    return make


def create_run(client, **headers):
    """Creates a run, with further headers."""
    body = json.dumps({"experiment_id": "0", "run_name": "canary-name"}).encode()
    headers = {"Content-Type": "application/json", **headers}
    client.send("POST", f"{CREATE}?key=canary-query", body, headers).ok()


def count(client, name):
    """The value of a counter of the page of metrics."""
    page = client.send("GET", "/metrics").content.decode()
    return float(re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE).group(1))


def dropped(client, by):
    """How many spans were dropped."""
    return count(client, f'trackway_traces_dropped_spans_total{{by="{by}"}}')


def threads(server):
    """The names of the threads of a server."""
    tasks = Path(f"/proc/{server.process.pid}/task")
    return [(task / "comm").read_text().strip() for task in tasks.iterdir()]


def lines(server, part):
    """The lines of the log with a text in them."""
    return [line for line in server.log_path.read_text().splitlines() if part in line]


def test_a_request_is_a_span_below_its_caller_with_its_transaction_below(traced, collector):
    server = traced("--log-format", "json", "--access-log")
    create_run(server.client(), traceparent=SAMPLED, **{"X-Request-Id": "mine"})
    request = collector.one(f"POST {CREATE}")
    assert (request.kind, request.trace_id, request.parent) == ("SERVER", TRACE, CALLER)
    assert request.attributes == {
        "http.request.method": "POST", "http.route": CREATE, "http.response.status_code": 200,
        "url.scheme": "http", "network.protocol.version": "1.1", "trackway.request_id": "mine"}
    assert not request.failed
    assert request.resource["service.name"] == "trackway" and request.resource["service.version"]
    write = next(s for s in collector.spans("db.write") if s.parent == request.id)
    assert (write.kind, write.attributes) == ("CLIENT", {"db.system.name": "sqlite"})
    below = {s.name: s for s in collector.spans() if s.parent == write.id}
    assert below.keys() == {"db.wait", "db.work"}
    wait, work = below["db.wait"], below["db.work"]
    assert request.start <= write.start <= wait.start <= wait.end <= work.start + 1_000_000
    assert work.end <= write.end <= request.end
    assert {s.trace_id for s in (write, wait, work)} == {TRACE}
    server.stop()
    access = json.loads(lines(server, "trackway::access")[0])
    assert (access["request_id"], access["trace_id"]) == ("mine", TRACE)


def test_a_request_without_a_caller_begins_a_trace(traced, collector):
    client = traced().client()
    client.create_run()
    client.create_run()
    wait_until(lambda: len(collector.spans(f"POST {CREATE}")) == 2, "both spans")
    first, second = collector.spans(f"POST {CREATE}")
    assert first.parent == second.parent == "" and first.trace_id != second.trace_id


def test_failures_of_the_server_are_errors_and_mistakes_of_a_client_are_not(traced, collector):
    client = traced("--no-serve-artifacts").client()
    client.get("runs/get", run_id="nobody")
    client.send("GET", "/nothing/here")
    client.put_file("a.txt", b"x")
    missing = collector.one("GET /api/2.0/mlflow/runs/get")
    assert missing.attributes["http.response.status_code"] == 404
    assert not missing.failed and "error.type" not in missing.attributes
    unknown = collector.one("GET")
    assert unknown.attributes["http.response.status_code"] == 404
    assert "http.route" not in unknown.attributes
    failed = collector.one(f"PUT {FILES}")
    assert failed.failed and failed.attributes["http.response.status_code"] == 503
    assert failed.attributes["error.type"] == "TEMPORARILY_UNAVAILABLE"


def test_calls_to_the_store_are_spans_and_no_span_says_what_a_client_chose(traced, collector):
    client = traced().client()
    create_run(client, Authorization="Bearer canary-token")
    client.put_file("canary-folder/canary-file", b"canary-content" * 1000).ok()
    client.get_file("canary-folder/canary-file")
    client.send("GET", "/canary-path?canary-query")
    for method, call in (("PUT", "artifacts.put"), ("GET", "artifacts.get")):
        request = collector.one(f"{method} {FILES}")
        call = next(s for s in collector.spans(call) if s.parent == request.id)
        assert call.attributes == {"trackway.store": "folder"} and not call.failed
    collector.one("GET")
    assert not [body for _, body in collector.sent_to(PATH) if b"canary" in body]


def test_the_caller_decides_whether_there_are_spans(traced, collector):
    client = traced().client()
    create_run(client, traceparent=UNSAMPLED)
    client.send("GET", "/version")
    collector.one("GET /version")
    assert not collector.spans(f"POST {CREATE}", "db.write", "db.work")


@pytest.mark.parametrize(("sampler", "share", "spans"), [
    ("always_off", "1", 0), ("traceidratio", "0", 0), ("parentbased_always_off", "1", 1),
    ("always_on", "0", 3), ("traceidratio", "1.0", 3)])
def test_samplers(make_server, collector, sampler, share, spans):
    server = make_server(TRACES_ENDPOINT=collector.url)
    server.variables = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": share}
    client = server.start().client()
    for headers in ({}, {"traceparent": SAMPLED}, {"traceparent": UNSAMPLED}):
        client.send("GET", "/version", headers=headers)
    server.stop()
    assert len(collector.spans("GET /version")) == spans


def test_the_variables_of_opentelemetry_are_enough(make_server, collector):
    server = make_server()
    server.variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.base,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20a%3Db,x-team=ml",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_SERVICE_NAME": "registry",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.name=other",
    }
    server.start().client().send("GET", "/version")
    span = collector.one("GET /version")
    assert span.resource["service.name"] == "registry"
    assert span.resource["deployment.environment.name"] == "test"
    headers, _ = collector.sent_to(PATH)[0]
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["authorization"] == "Bearer a=b" and headers["x-team"] == "ml"
    assert headers["content-type"] == "application/x-protobuf"


@pytest.mark.parametrize(("variable", "value", "key"), [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "traces.endpoint"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://u:p@collector/v1/traces", "traces.endpoint"),
    ("OTEL_TRACES_SAMPLER", "xray", "traces.sampler"),
    ("OTEL_TRACES_SAMPLER_ARG", "1.5", "traces.sampler_arg"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "swordfish", "traces.headers"),
    ("TRACKWAY_TRACES_SERVICE_NAME", "", "traces.service_name")])
def test_a_bad_setting_stops_the_start_and_is_named(make_server, variable, value, key):
    server = make_server()
    server.variables = {variable: value}
    outcome = subprocess.run(
        [process.binary(), "server", "--data-dir", server.data_dir, "--port", "0"],
        env=server.environment(), capture_output=True, text=True, timeout=30)
    assert outcome.returncode != 0
    assert key in outcome.stderr and variable in outcome.stderr, outcome.stderr
    assert "swordfish" not in outcome.stderr + outcome.stdout


def test_headers_are_shown_nowhere(make_server, collector):
    server = make_server("--log-level", "trace", TRACES_ENDPOINT=collector.url,
                         TRACES_HEADERS="authorization=swordfish")
    shown = subprocess.run([process.binary(), "config"], env=server.environment(),
                           capture_output=True, text=True, timeout=30, check=True)
    assert "traces.headers" in shown.stdout and "swordfish" not in shown.stdout
    server.start().client().send("GET", "/version")
    collector.one("GET /version")
    server.stop()
    assert lines(server, "GET") or lines(server, "request")
    assert not lines(server, "swordfish")


@pytest.mark.parametrize("way", ["test", "job"])
def test_a_webhook_gets_the_traceparent_of_its_delivery(traced, collector, way):
    client = traced(WEBHOOKS_ALLOWED_SCHEMES="http",
                    WEBHOOKS_ALLOWED_PRIVATE_NETWORKS="127.0.0.0/8").client()
    events = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
    url = f"{collector.base}/canary/secret"
    made = client.post("webhooks", name="w", url=url, events=events).ok()["webhook"]
    if way == "test":
        client.post(f"webhooks/{made['webhook_id']}/test").ok()
    else:
        client.post("registered-models/create", name="churn").ok()
    span = collector.one("POST webhook")
    assert (span.kind, span.failed) == ("CLIENT", False)
    assert span.attributes == {
        "http.request.method": "POST", "http.response.status_code": 200,
        "server.address": "127.0.0.1", "server.port": collector.port}
    headers, _ = collector.sent_to("/canary/secret")[0]
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["traceparent"] == f"00-{span.trace_id}-{span.id}-01"
    if way == "test":
        route = "/api/2.0/mlflow/webhooks/{webhook_id}/test"
        assert span.parent == collector.one(f"POST {route}").id
    else:
        assert span.parent == ""
    assert not [body for _, body in collector.sent_to(PATH) if b"canary" in body]


def test_a_collector_that_is_away_is_told_once_and_felt_by_nobody(traced, collector):
    collector.stop()
    server = traced()
    client = server.client()
    for _ in range(4):
        for _ in range(25):
            client.create_run()
        time.sleep(1.1)
    wait_until(lambda: dropped(client, "collector") >= 400, "the count of all spans")
    assert len(lines(server, "takes no spans")) == 1
    collector.start()
    wait_until(lambda: client.create_run() and collector.spans(), "a span")
    wait_until(lambda: lines(server, "takes spans again"), "the news")
    assert count(client, "trackway_traces_sent_spans_total") > 0
    server.stop()
    assert len(lines(server, "takes no spans")) == 1


def test_a_collector_that_answers_errors_counts_as_away(traced, collector):
    collector.status = 401
    server = traced()
    client = server.client()
    client.create_run()
    wait_until(lambda: lines(server, "it answered 401"), "the warning")
    assert dropped(client, "collector") > 0
    assert count(client, "trackway_traces_sent_spans_total") == 0


def test_a_collector_that_hangs_slows_nothing_and_the_queue_is_bounded(traced, collector):
    collector.hangs.set()
    server = traced(DATABASE_DURABILITY="relaxed")
    client = server.client()
    slowest = 0
    for _ in range(1500):
        began = time.monotonic()
        client.create_run()
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2
    assert dropped(client, "queue") > 0
    began = time.monotonic()
    server.terminate()
    assert server.wait() == 0
    assert time.monotonic() - began < 8


def test_a_stopping_server_sends_what_is_left(traced, collector):
    server = traced()
    create_run(server.client(), traceparent=SAMPLED)
    server.stop()
    spans = collector.spans()
    assert {f"POST {CREATE}", "db.write", "db.wait", "db.work"} <= {span.name for span in spans}


def test_without_a_collector_there_is_no_thread_and_no_trace_id(make_server, traced):
    off = make_server("--access-log").start()
    client = off.client()
    create_run(client, traceparent=SAMPLED)
    assert not [name for name in threads(off) if name.startswith("OpenTelemetry")]
    assert count(client, "trackway_traces_sent_spans_total") == dropped(client, "queue") == 0
    off.stop()
    assert lines(off, "runs/create") and not lines(off, "trace_id")
    assert [name for name in threads(traced()) if name.startswith("OpenTelemetry")]
