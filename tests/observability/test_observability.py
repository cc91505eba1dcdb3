"""Metrics as promtool reads them, rules that fire, a dashboard that asks for what there is, logs."""

import json
import re
import socket
import time

from wire import Client, metric

OURS = re.compile(r"\b(?:trackway|process)_[a-z_]+\b")


def use(server):
    """Sends a request of each kind and gives the page of metrics."""
    client = server.client()
    run_id = client.create_run()
    client.post("runs/log-batch", run_id=run_id, metrics=[metric("a", 1.0, 0)]).ok()
    client.put_file("a.txt", b"content").ok()
    client.get_file("a.txt")
    client.get("runs/get", run_id="nobody")
    time.sleep(1.5)  # Every job but the rarest has had a turn.
    page = client.send("GET", "/metrics")
    assert page.status == 200
    return page.content.decode()


def names(page):
    """The names of the samples of a page."""
    return {re.split("[{ ]", line)[0] for line in page.splitlines() if not line.startswith("#")}


def test_the_page_passes_promtool(make_server, promtool):
    page = use(make_server().start())
    assert promtool("check", "metrics", text=page) == ""
    assert 'trackway_http_requests_total{method="POST",route="/api/2.0/mlflow/runs/log-batch"' in page


def test_rules_are_well_formed_and_fire_when_they_should(promtool):
    assert "SUCCESS" in promtool("check", "rules", "rules.yaml")
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yaml")


def test_every_alert_is_tested_quiet_and_firing(deploy):
    rules = (deploy / "prometheus/rules.yaml").read_text()
    tests = (deploy / "prometheus/rules_test.yaml").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert len(alerts) > 10
    for alert in alerts:
        assert re.search(rf"alertname: {alert}\n +exp_alerts: \[\]", tests), alert
        assert re.search(rf"alertname: {alert}\n +exp_alerts:\n +- exp_labels", tests), alert


def test_rules_and_dashboard_ask_for_metrics_that_there_are(make_server, deploy):
    known = names(use(make_server().start()))
    rules = set(OURS.findall((deploy / "prometheus/rules.yaml").read_text()))
    dashboard = json.loads((deploy / "grafana/trackway.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
        for name in OURS.findall(target["expr"])
    }
    assert len(rules) > 10 and len(asked) > 20
    assert (rules | asked) - known == set()


def test_every_log_line_is_a_json_object_and_every_request_has_one(make_server):
    server = make_server("--log-format", "json", "--access-log").start()
    client = server.client()
    client.send("GET", "/health", headers={"X-Request-Id": "mine"})
    client.send("GET", "/nothing/%22here%0A")
    client.put_file("a.txt", b"x" * 1000).ok()
    client.get_file("a.txt")
    client.post_bytes("runs/create", b"{")
    server.stop()
    lines = [json.loads(line) for line in server.log_path.read_text().splitlines()]
    for line in lines:
        assert {"timestamp", "level", "target", "message"} <= line.keys(), line
    access = [line for line in lines if line["target"] == "trackway::access"]
    shown = [(line["method"], line["route"], line["status"]) for line in access]
    proxy = "/api/2.0/mlflow-artifacts/artifacts/{*path}"
    assert shown[:4] == [
        ("GET", "/health", 200), ("GET", "unknown", 404), ("PUT", proxy, 200), ("GET", proxy, 200)]
    assert access[0]["request_id"] == "mine"
    assert access[2]["bytes_in"] == 1000 and access[3]["bytes_out"] == 1000
    assert all(line["duration_ms"] >= 0 and line["actor"] == "anonymous" for line in access)


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_metrics_can_have_an_address_of_their_own(make_server):
    port = free_port()
    server = make_server("--metrics-listen", f"127.0.0.1:{port}").start()
    apart = Client(port)
    page = apart.send("GET", "/metrics", headers={"Host": "monitoring.example"})
    assert page.status == 200 and b"trackway_build_info" in page.content
    assert apart.send("GET", "/ready").status == 200
    assert apart.send("GET", "/api/2.0/mlflow/runs/get").status == 404
    assert server.client().send("GET", "/metrics").status == 404


def test_a_draining_server_says_so_and_serves_on(make_server):
    server = make_server("--drain", "2").start()
    client = server.client()
    assert client.send("GET", "/ready").status == 200
    server.terminate()
    deadline = time.monotonic() + 2
    while client.send("GET", "/ready").status == 200:
        assert time.monotonic() < deadline
    server.client().create_run()
    assert server.wait() == 0
