"""A receiver of webhooks on this machine: keeps what it is sent and answers as its path asks for.

A path that ends with `/refuse` is answered with 400, `/redirect` with 302, `/busy` with 503 at the
first time, and everything else with 200.
"""

import contextlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mlflow.webhooks.delivery import _generate_hmac_signature as signature_of

# MLflow's HTTP library offers to unpack answers; Standard Webhooks are a second signature of ours.
OTHER_HEADERS = {"accept-encoding", "webhook-id", "webhook-timestamp", "webhook-signature"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00")


class Delivery:
    """One request: path, headers in their order, body."""

    def __init__(self, path, headers, body):
        self.path = path
        self.headers = headers
        self.body = body

    def header(self, name):
        """The value of a header in any spelling; None if it is absent."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    def signature(self, secret):
        """Whether MLflow would sign this delivery so: `valid`, `invalid` or `absent`."""
        found = self.header("X-MLflow-Signature")
        if found is None:
            return "absent"
        made = signature_of(secret, self.header("X-MLflow-Delivery-Id"),
                            self.header("X-MLflow-Timestamp"), self.body.decode())
        return "valid" if found == made else "invalid"

    def plain(self, secret):
        """All that two servers must agree on; times are replaced where they have the right form."""
        body = self.json()
        if MOMENT.fullmatch(body["timestamp"]):
            body["timestamp"] = "<moment>"
        return {
            "path": self.path,
            "headers": sorted({name.lower() for name, _ in self.headers} - OTHER_HEADERS),
            "type": self.header("Content-Type"),
            "signature": self.signature(secret),
            "order": list(body),
            "body": body,
        }


class Handler(BaseHTTPRequestHandler):
    """Answers one request and hands it to the receiver."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Keeps the delivery and answers as the path asks for."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = self.path.rsplit("/", 1)[1]
        known = {"refuse": (400, b"no"), "redirect": (302, b"")}
        status, answer = known.get(asked, (200, b"ok"))
        is_first = self.server.receiver.keep(Delivery(self.path, self.headers.items(), body))
        if asked == "busy" and is_first:
            status = 503
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self):
        """Keeps the request that a redirect has turned into one without a body."""
        self.server.receiver.keep(Delivery(f"GET {self.path}", self.headers.items(), b""))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""


class Receiver:
    """Listens on a free port of 127.0.0.1 until it is stopped."""

    def __init__(self):
        self.arrived = threading.Condition()
        self.deliveries = []
        self.paths = set()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.receiver = self
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def keep(self, delivery):
        """Adds a delivery and wakes up who waits for it; gives whether its path is a new one."""
        with self.arrived:
            is_first = delivery.path not in self.paths
            self.paths.add(delivery.path)
            self.deliveries.append(delivery)
            self.arrived.notify_all()
        return is_first

    def take(self, count, seconds=15):
        """Waits for `count` deliveries; gives and forgets all that came."""
        with self.arrived:
            self.arrived.wait_for(lambda: len(self.deliveries) >= count, seconds)
            taken, self.deliveries = self.deliveries, []
        return taken

    def take_rest(self, seconds=1.0):
        """Gives what comes although nothing more should."""
        time.sleep(seconds)
        return self.take(0)

    def stop(self):
        """Stops listening."""
        self.http.shutdown()
        self.http.server_close()


@contextlib.contextmanager
def receiving():
    """A receiver for the length of a `with` block."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.stop()
