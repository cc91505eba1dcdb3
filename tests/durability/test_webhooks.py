"""No event is lost and none comes out of order, whoever dies: the server, the receiver, or both."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

MODELS = ("a", "b", "c")
CHANGES = 30
# Claims of a server that was killed end after ten seconds; retries come after one, two and four.
PATIENCE = 45


class Receiver:
    """A receiver on one port, which can be killed and started again."""

    def __init__(self):
        # What to do with the next requests: a status, or "hang"; with none left, 200.
        self.script = []
        self.accepted = []
        self.lock = threading.Lock()
        self.port = 0
        self.start()

    def start(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    todo = receiver.script.pop(0) if receiver.script else 200
                    if todo == 200:
                        receiver.accepted.append((self.headers["X-MLflow-Delivery-Id"], body))
                if todo == "hang":
                    time.sleep(5)
                    return
                self.send_response(todo)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def kill(self):
        self.server.shutdown()
        self.server.server_close()

    def told(self, model):
        """The values that were accepted for a model, in their order, repetitions left out."""
        seen, values = set(), []
        with self.lock:
            accepted = list(self.accepted)
        for delivery, body in accepted:
            data = json.loads(body)["data"]
            if data["name"] == model and delivery not in seen:
                seen.add(delivery)
                values.append(int(data["value"]))
        return values


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.kill()


@pytest.fixture
def server(make_server):
    return make_server(
        WEBHOOKS_ALLOWED_SCHEMES="http",
        WEBHOOKS_ALLOWED_PRIVATE_NETWORKS="127.0.0.0/8",
        WEBHOOKS_TIMEOUT_S="2",
    )


def subscribe(server, receiver):
    client = server.client()
    created = client.post(
        "webhooks",
        name="w",
        url=f"http://127.0.0.1:{receiver.port}/",
        events=[{"entity": "MODEL_VERSION_TAG", "action": "SET"}],
    )
    for name in MODELS:
        client.post("registered-models/create", name=name).ok()
        client.post("model-versions/create", name=name, source="s3://b/f").ok()
    return created.ok()["webhook"]["webhook_id"]


def change(server, values):
    """Sets a tag of each model to each of the values."""
    client = server.client()
    for value in values:
        for name in MODELS:
            body = {"name": name, "version": "1", "key": "k", "value": str(value)}
            client.post("model-versions/set-tag", **body).ok()


def wait_for(receiver, values):
    """Waits until every model was told all the values, and checks their order."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if all(len(receiver.told(name)) >= len(values) for name in MODELS):
            break
        time.sleep(0.05)
    for name in MODELS:
        assert receiver.told(name) == list(values), name


@pytest.mark.time_limit(120)
def test_a_server_killed_between_change_and_delivery_delivers_all_when_it_runs_again(
        server, receiver):
    server.start()
    subscribe(server, receiver)
    receiver.kill()
    change(server, range(CHANGES))
    server.kill()
    receiver.start()
    server.start()
    wait_for(receiver, range(CHANGES))


@pytest.mark.time_limit(120)
def test_a_receiver_that_fails_hangs_and_dies_gets_everything_in_order(server, receiver):
    server.start()
    subscribe(server, receiver)
    receiver.script = [500, "hang", 503, 200, 500, 429]
    change(server, range(10))
    receiver.kill()
    change(server, range(10, 20))
    receiver.start()
    wait_for(receiver, range(20))


@pytest.mark.time_limit(180)
def test_a_server_killed_again_and_again_while_it_sends_loses_nothing(server, receiver):
    server.start()
    subscribe(server, receiver)
    for start in range(0, CHANGES, 10):
        change(server, range(start, start + 10))
        time.sleep(0.3)
        server.kill()
        server.start()
    wait_for(receiver, range(CHANGES))
