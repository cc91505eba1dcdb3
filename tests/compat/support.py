"""Small tools that several test files share: raw requests, unique names, reading points back."""

import http.client
import itertools
import json
import uuid

import requests

API = "/api/2.0/mlflow"
_counter = itertools.count()


def unique(prefix):
    """A name nobody has used yet on any server."""
    return f"{prefix}-{next(_counter)}-{uuid.uuid4().hex[:8]}"


class Rest:
    """Raw requests against one server, for what the client itself would not send.

    A path without a leading slash is taken below `/api/2.0/mlflow`.
    """

    def __init__(self, url, timeout=30):
        self.url = url
        self.timeout = timeout
        self.session = requests.Session()

    def at(self, path):
        """Full address of `path`."""
        return f"{self.url}{path}" if path.startswith("/") else f"{self.url}{API}/{path}"

    def get(self, path, /, **params):
        """GET with query parameters; a list repeats the parameter."""
        return self.session.get(self.at(path), params=params, timeout=self.timeout)

    def send(self, path, body, method="POST"):
        """Sends `body` as JSON."""
        return self.session.request(method, self.at(path), json=body, timeout=self.timeout)

    def raw(self, path, data, method="POST", headers=None):
        """Sends bytes as they are, as `application/json` unless `headers` say otherwise."""
        headers = {"Content-Type": "application/json"} if headers is None else headers
        return self.session.request(
            method, self.at(path), data=data, headers=headers, timeout=self.timeout
        )


def error_of(response):
    """The `error_code` of an answer that must have MLflow's error shape."""
    try:
        body = json.loads(response.content)
    except ValueError as e:
        raise AssertionError(
            f"{response.status_code} answer is not JSON: {response.content[:200]!r}"
        ) from e
    assert isinstance(body, dict), body
    assert isinstance(body.get("error_code"), str) and body["error_code"], body
    assert isinstance(body.get("message"), str) and body["message"], body
    return body["error_code"]


def assert_refused(response, *codes):
    """The answer is a 4xx in MLflow's error shape, with one of `codes` if any are named."""
    assert 400 <= response.status_code < 500, (response.status_code, response.text[:300])
    code = error_of(response)
    assert not codes or code in codes, response.text[:300]


def assert_no_server_fault(response):
    """The answer is a success or a refusal in MLflow's shape, never a 5xx."""
    assert response.status_code < 500, (response.status_code, response.text[:300])
    if response.status_code >= 400:
        error_of(response)


def points(client, run_id, key):
    """The history of a metric as a list of (step, timestamp, value)."""
    return [(m.step, m.timestamp, m.value) for m in client.get_metric_history(run_id, key)]


class Answer:
    """An answer read without any help of a client library: status, headers, bytes."""

    def __init__(self, response):
        self.status_code = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.content = response.read()

    @property
    def text(self):
        """The body as text, unreadable bytes replaced."""
        return self.content.decode(errors="replace")

    def json(self):
        """The body as JSON."""
        return json.loads(self.content)


def exchange(url, method, target, body=None, headers=None):
    """One request whose target is sent as it is: dot segments and odd bytes are not cleaned up."""
    host, port = url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.putrequest(method, target, skip_host="Host" in (headers or {}))
        sent = {"Content-Length": str(len(body))} if body is not None else {}
        for name, value in {**sent, **(headers or {})}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        return Answer(connection.getresponse())
    finally:
        connection.close()
