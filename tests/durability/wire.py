"""Raw HTTP against the server: no library stands between a test and what it sends."""

import http.client
import json
import time
from contextlib import suppress
from urllib.parse import urlencode

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


class Gone(Exception):
    """The server went away before it answered."""


class Answer:
    """An answer: status, body, and the body read as JSON."""

    def __init__(self, status, content):
        self.status = status
        self.content = content

    def json(self):
        """The body as JSON."""
        return json.loads(self.content)

    def ok(self):
        """The body of a success as JSON; anything else fails the test."""
        assert self.status == 200, (self.status, self.content[:500])
        return self.json() if self.content else {}


class Client:
    """One kept-alive connection to 127.0.0.1, for one thread."""

    def __init__(self, port, timeout=30):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def send(self, method, path, body=None, headers=None):
        """Sends a request and reads the answer; raises `Gone` if there is none."""
        try:
            if self.connection.sock is None:
                self.connection.connect()
            with suppress(BrokenPipeError, ConnectionResetError):
                # A refusal may come, and the connection be closed, before all of a body is sent.
                self.connection.request(method, path, body, headers or {})
            response = self.connection.getresponse()
            answer = Answer(response.status, response.read())
        except (ConnectionError, http.client.HTTPException) as e:
            self.connection.close()
            raise Gone(str(e)) from e
        if answer.status != 200:
            self.connection.close()
        return answer

    def post(self, name, /, **fields):
        """Posts fields as JSON to a route of the tracking API."""
        return self.post_bytes(name, json.dumps(fields).encode())

    def post_bytes(self, name, body):
        """Posts JSON that is encoded already."""
        return self.send("POST", f"{API}/{name}", body, {"Content-Type": "application/json"})

    def get(self, name, /, **query):
        """Gets a route of the tracking API; a list repeats its parameter."""
        return self.send("GET", f"{API}/{name}?{urlencode(query, doseq=True)}")

    def put_file(self, path, content):
        """Uploads an artifact; `path` is below the root of all artifacts."""
        return self.send("PUT", f"{FILES}/{path}", content)

    def get_file(self, path):
        """Downloads an artifact."""
        return self.send("GET", f"{FILES}/{path}")

    def create_run(self, experiment_id="0", **fields):
        """Creates a run and gives its id."""
        answer = self.post("runs/create", experiment_id=experiment_id, start_time=now(), **fields)
        return answer.ok()["run"]["info"]["run_id"]

    def run(self, run_id):
        """What `runs/get` says of a run: `info`, and params, metrics and tags as dictionaries."""
        run = self.get("runs/get", run_id=run_id).ok()["run"]
        data = run.get("data", {})
        named = {
            part: {item["key"]: item["value"] for item in data.get(part, [])}
            for part in ("params", "tags", "metrics")
        }
        return {"info": run["info"], **named}

    def history(self, run_id, key, page=25_000):
        """The whole history of a metric, page by page."""
        points, token = [], None
        while True:
            query = {"page_token": token} if token else {}
            answer = self.get(
                "metrics/get-history", run_id=run_id, metric_key=key, max_results=page, **query
            ).ok()
            points += answer.get("metrics", [])
            token = answer.get("next_page_token")
            if not token:
                return points


def now():
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def metric(key, value, step, timestamp=None):
    """A metric as log-batch takes it."""
    timestamp = now() if timestamp is None else timestamp
    return {"key": key, "value": value, "step": step, "timestamp": timestamp}
