"""Bad input, field by field: the answer is MLflow's error shape with a 4xx, never a 5xx.

Where MLflow's own server answers 500, the test is marked: that is a promise of Trackway's.
"""

import base64
import http.client
import json
import time

import pytest
import routes
from support import Rest, assert_no_server_fault, assert_refused, exchange, unique

pytestmark = [pytest.mark.mlflow2, pytest.mark.time_limit(90)]

FAILS = "answers some of these with 500"
# One value of every wrong kind: types, borders of the number types, odd text, deep and huge.
WRONG = [
    None, "", 5, -1, 1.5, True, [], {}, ["x"], [None], [[]], {"a": 1}, [{"key": None}],
    [{"key": {}, "value": []}], 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, "NaN", "\x00",
    "\ud800", "../../etc/passwd", "é" * 300, "x" * 70_000, "' OR 1=1 --", "%s%n{}", ["x"] * 2000,
]
WRONG_TEXT = [
    "", "5", "-1", "1.5", "true", "\x00", "../../etc/passwd", "é" * 300, "x" * 9000,
    "9" * 40, "' OR 1=1 --", "[]", "{}", "NaN",
]
NO_IDS = dict.fromkeys(("run", "experiment", "model", "name", "webhook"), "")
POSTS = list(routes.posts(NO_IDS))
GETS = list(routes.gets(NO_IDS))


@pytest.fixture(scope="module")
def ids(server):
    """Ids of an experiment, a run and a logged model that the requests name."""
    return routes.subject(Rest(server.url), unique("bad input"))


@pytest.fixture(autouse=True)
def still_alive(rest):
    """Whatever was sent, the server answers afterwards."""
    yield
    assert rest.get("/health").status_code == 200


@pytest.mark.trackway_only(FAILS)
@pytest.mark.parametrize("label", POSTS)
def test_no_wrong_value_in_any_body_field_is_a_server_fault(rest, ids, label):
    method, path, good = routes.posts(ids)[label]
    for field in good:
        for value in WRONG:
            answer = rest.raw(path, json.dumps({**good, field: value}), method)
            try:
                assert_no_server_fault(answer)
            except AssertionError as e:
                raise AssertionError(f"{path} {field}={str(value)[:60]!r}: {e}") from e


@pytest.mark.trackway_only(FAILS)
@pytest.mark.parametrize("label", GETS)
def test_no_wrong_value_in_any_query_field_is_a_server_fault(rest, ids, label):
    path, good = routes.gets(ids)[label]
    for field in good:
        for value in WRONG_TEXT:
            answer = rest.get(path, **{**good, field: value})
            try:
                assert_no_server_fault(answer)
            except AssertionError as e:
                raise AssertionError(f"{path} {field}={value[:60]!r}: {e}") from e


@pytest.mark.trackway_only(FAILS)
@pytest.mark.parametrize("label", ["runs/log-batch", "runs/log-inputs", "runs/create",
                                   "runs/outputs", "logged-models", "logged-models/search",
                                   "webhooks create", "webhooks update"])
def test_no_wrong_value_inside_a_list_is_a_server_fault(rest, ids, label):
    method, path, good = routes.posts(ids)[label]
    for field, items in good.items():
        if not (isinstance(items, list) and isinstance(items[0], dict)):
            continue
        for inner in items[0]:
            for value in WRONG:
                body = {**good, field: [{**items[0], inner: value}]}
                answer = rest.raw(path, json.dumps(body), method)
                try:
                    assert_no_server_fault(answer)
                except AssertionError as e:
                    where = f"{path} {field}[0].{inner}={str(value)[:60]!r}"
                    raise AssertionError(f"{where}: {e}") from e


@pytest.mark.parametrize("label", POSTS)
def test_a_good_request_with_an_unknown_field_is_understood(rest, label):
    fresh = routes.subject(rest, unique("good"))
    method, path, good = routes.posts(fresh)[label]
    answer = rest.send(path, {**good, "no_such_field": [1, {"a": None}]}, method)
    if label in routes.NAMES_NOTHING:
        assert_refused(answer, "RESOURCE_DOES_NOT_EXIST")
    else:
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("body", [
    b"", b"{", b"nonsense", b'{"name": "\xff\xfe"}', b"\xff\xfe\x00", b'{"name": "a', b"null",
    b'{"name": nul}', b"{'name': 'x'}",
])
def test_a_body_that_is_no_json_counts_as_empty(rest, body):
    answer = rest.raw("experiments/create", body)
    assert_refused(answer, "INVALID_PARAMETER_VALUE")
    assert "Missing value for required parameter 'name'" in answer.json()["message"]


@pytest.mark.trackway_only(FAILS)
@pytest.mark.parametrize(
    "body", [b"[]", b"[1]", b"5", b"true", b'"text"', b'"\\"twice\\""', b"1e999"]
)
def test_a_body_that_is_no_object_is_refused(rest, body):
    for path in ("experiments/create", "runs/create", "runs/log-batch", "logged-models"):
        assert_refused(rest.raw(path, body))


@pytest.mark.trackway_only(FAILS)
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_json_ten_thousand_levels_deep_is_refused(rest, ids, opening):
    closing = b"]" if opening == b"[" else b"}"
    deep = opening * 10_000 + b"1" + closing * 10_000
    assert_refused(rest.raw("experiments/create", deep))
    assert_refused(rest.raw("runs/log-batch", b'{"metrics": ' + deep + b"}"))
    inner = b'{"run_id": "%s", "tags": ' % ids["run"].encode() + deep + b"}"
    assert_refused(rest.raw("runs/log-batch", inner))
    assert_refused(rest.raw("experiments/create", opening * 10_000))


def test_a_body_of_a_hundred_megabytes_does_not_hurt(rest, ids):
    value = b"x" * (100 << 20)
    body = b'{"run_id": "%s", "key": "huge", "value": "%s"}' % (ids["run"].encode(), value)
    assert_no_server_fault(rest.raw("runs/log-parameter", body))
    assert rest.get("runs/get", run_id=ids["run"]).status_code == 200


def test_a_content_type_that_is_not_json_is_refused(rest):
    only_json = "Content-Type must be one of ['application/json']."
    for headers, reason in [
        ({"Content-Type": "text/plain"}, only_json),
        ({"Content-Type": "multipart/form-data"}, only_json),
        ({}, "Content-Type header is missing."),
    ]:
        answer = rest.raw("experiments/create", b'{"name": "x"}', headers=headers)
        assert_refused(answer, "INVALID_PARAMETER_VALUE")
        assert answer.json()["message"] == f"Bad Request. {reason}"
    answer = rest.raw(
        "experiments/create", json.dumps({"name": unique("typed")}),
        headers={"Content-Type": "application/json; charset=utf-8"},
    )
    assert answer.status_code == 200


def test_a_refused_body_that_comes_late_leaves_the_connection_usable(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest("POST", "/api/2.0/mlflow/experiments/create")
    connection.putheader("Content-Type", "text/plain")
    connection.putheader("Content-Length", "2")
    connection.endheaders()
    time.sleep(0.1)
    connection.send(b"{}")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Connection")) == (400, None), answer.read()
    answer.read()
    kept = connection.sock
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200 and connection.sock is kept
    connection.close()


def test_both_spellings_of_one_field_are_refused(rest):
    body = {"name": unique("both"), "artifact_location": "s3://a/b", "artifactLocation": "s3://a/b"}
    assert_refused(rest.send("experiments/create", body), "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(("path", "body"), [
    ("runs/search", {"experiment_ids": ["0"]}), ("experiments/search", {}),
])
@pytest.mark.parametrize("size", [-1, 50_001, 2**31 - 1])
def test_absurd_page_sizes_are_refused(rest, path, body, size):
    answer = rest.send(path, {"max_results": size, **body})
    assert_refused(answer, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("token", ["garbage", "%%%", "eyJ4IjogMX0", "A" * 10_000])
def test_broken_page_tokens_are_refused(rest, ids, token):
    check_tokens(rest, ids, token)


@pytest.mark.trackway_only("takes what it decodes on trust, or answers 500")
@pytest.mark.parametrize(
    "inside", ["{}", "[]", "5", "null", '{"offset": -1}', '{"offset": "x"}', '{"offset": 1e99}']
)
def test_forged_page_tokens_are_refused(rest, ids, inside):
    check_tokens(rest, ids, base64.b64encode(inside.encode()).decode())


@pytest.mark.trackway_only("answers 500 when a token is not ASCII")
def test_page_tokens_beyond_ascii_are_refused(rest, ids):
    check_tokens(rest, ids, "ü")


def check_tokens(rest, ids, token):
    """Every paged search refuses the token."""
    for path, body in [
        ("runs/search", {"experiment_ids": [ids["experiment"]]}),
        ("experiments/search", {"max_results": 5}),
    ]:
        assert_refused(rest.send(path, {**body, "page_token": token}), "INVALID_PARAMETER_VALUE")


@pytest.mark.trackway_only(FAILS)
@pytest.mark.parametrize("token", ["garbage", "e30=", "bnVsbA==", "ü"])
def test_broken_tokens_of_histories_and_models_are_refused(rest, ids, token):
    body = {"experiment_ids": [ids["experiment"]], "page_token": token}
    assert_refused(rest.send("logged-models/search", body))
    query = {"run_id": ids["run"], "metric_key": "m", "max_results": 2, "page_token": token}
    assert_refused(rest.get("metrics/get-history", **query))


@pytest.mark.trackway_only("answers 500 when an order names one key twice")
def test_an_order_that_names_one_key_twice_is_refused(rest, ids):
    body = {"experiment_ids": [ids["experiment"]], "order_by": ["metrics.m", "metrics.m DESC"]}
    assert_refused(rest.send("runs/search", body), "INVALID_PARAMETER_VALUE")


@pytest.mark.trackway_only(FAILS)
@pytest.mark.parametrize("query", ["run_id=%ff%fe", "run_id=%", "run_id=%zz", "%ff=1", "run_id[]=1",
                                   "run_id=a&run_id=b", "&&&=&", "run_id=" + "x" * 60_000])
def test_odd_query_strings_are_refused(server, query):
    answer = exchange(server.url, "GET", f"/api/2.0/mlflow/runs/get?{query}")
    assert_refused(answer)
