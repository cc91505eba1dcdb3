"""A client over raw HTTP that keeps its connection and sends again as MLflow's client does.

It sends a request again after a broken connection and after 408, 429 and 5xx, up to seven times
with growing pauses, and waits as long as `Retry-After` says. What is left after that is `Failed`.
"""

import http.client
import json
import random
import time
from urllib.parse import urlencode

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
RETRIES = 7
# MLflow's pauses are 0, 4, 8, 16 s and so on, each up to a second longer.
FACTOR_S, JITTER_S, LONGEST_S = 2, 1, 120
AGAIN = {408, 429, 500, 502, 503, 504}


class Failed(Exception):
    """A request that did not succeed, with all its retries."""


class Patient:
    """One kept-alive connection to a port of 127.0.0.1, for one thread."""

    def __init__(self, port, notes):
        """`notes` is a `Notes` that all clients share."""
        self.port = port
        self.notes = notes
        self.connection = None

    def send(self, kind, method, path, body=None):
        """Sends a request until it succeeds, and gives the body of the answer."""
        began, said = time.monotonic(), "nothing"
        for attempt in range(RETRIES + 1):
            status, said, wait = self._try(method, path, body)
            if status is not None and status < 300:
                self.notes.add(kind, time.monotonic() - began, attempt)
                return said
            if status is not None and status not in AGAIN:
                break
            self.notes.refuse(status)
            if attempt < RETRIES:
                time.sleep(wait if wait is not None else pause(attempt))
        raise Failed(f"{method} {path}: {status} {said[:300]!r}")

    def post(self, name, /, **fields):
        """Posts fields as JSON to a route of the tracking API, and gives the answer's."""
        return json.loads(self.send(name, "POST", f"{API}/{name}", json.dumps(fields).encode()))

    def get(self, name, /, **query):
        """Gets a route of the tracking API."""
        path = f"{API}/{name}?{urlencode(query, doseq=True)}"
        return json.loads(self.send(name, "GET", path))

    def put_file(self, path, content):
        """Uploads an artifact; `path` is below the root of all artifacts."""
        self.send("upload", "PUT", f"{FILES}/{path}", content)

    def get_file(self, path):
        """Downloads an artifact."""
        return self.send("download", "GET", f"{FILES}/{path}")

    def history(self, run_id, key):
        """The whole history of a metric as pairs of step and value."""
        points, token = [], None
        while True:
            page = self.get("metrics/get-history", run_id=run_id, metric_key=key,
                            max_results=25_000, **({"page_token": token} if token else {}))
            points += [(int(p.get("step", 0)), p["value"]) for p in page.get("metrics", [])]
            token = page.get("next_page_token")
            if not token:
                return points

    def close(self):
        """Closes the connection."""
        if self.connection:
            self.connection.close()
        self.connection = None

    def _try(self, method, path, body):
        """Status (None where the connection broke), body, and the seconds of `Retry-After`."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
            headers = {"Content-Type": "application/json"} if method == "POST" else {}
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return None, repr(error).encode(), None
        if answer.will_close or answer.status >= 300:
            self.close()
        wait = answer.getheader("Retry-After")
        return answer.status, said, float(wait) if wait else None


def pause(attempt):
    """Seconds before the next attempt, without word from the server."""
    grown = FACTOR_S * 2**attempt if attempt else 0
    return min(LONGEST_S, grown + random.random() * JITTER_S)
