"""A receiver of webhooks that misbehaves as told, and can be killed and started again."""

import http.server
import socket
import struct
import threading
from contextlib import suppress

OK, FAIL, SLOW, VANISH, HANG = "ok", "fail", "slow", "vanish", "hang"


class Arrival:
    """One request that came: where to, its delivery id, its body, and what was done with it."""

    def __init__(self, path, headers, body, did):
        self.path = path
        self.id = headers["X-MLflow-Delivery-Id"]
        self.timestamp = headers["X-MLflow-Timestamp"]
        self.signature = headers["X-MLflow-Signature"]
        self.body = body
        self.did = did


class Handler(http.server.BaseHTTPRequestHandler):
    """Reads one request and does what the receiver decides."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Answers, or leaves the sender without an answer."""
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        did = receiver.take(self.path, self.headers, body)
        self.close_connection = True
        if did == VANISH:
            return
        if did == HANG:
            # Until the sender has had enough of it, or the receiver is killed.
            self.connection.recv(1)
            return
        if did == SLOW:
            receiver.killed.wait(0.1)
        self.send_response(500 if did == FAIL else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""


class Server(http.server.ThreadingHTTPServer):
    """Remembers its connections, so that all can be broken at once."""

    daemon_threads = True
    request_queue_size = 128

    def process_request(self, request, client_address):
        """Takes a new connection."""
        self.receiver.connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request, client_address):
        """A broken connection is what the test is about."""


class Receiver:
    """Listens on one port of 127.0.0.1; `decide(path, id, attempt)` says what a request gets."""

    def __init__(self, decide):
        self.decide = decide
        self.arrivals = []
        self.attempts = {}
        self.lock = threading.Lock()
        self.port = 0
        self.http = None

    def start(self):
        """Begins to listen, always on the same port."""
        self.connections = []
        self.killed = threading.Event()
        self.http = Server(("127.0.0.1", self.port), Handler)
        self.http.receiver = self
        self.port = self.http.server_port
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def kill(self):
        """Stops listening and resets every connection, as the end of a process does."""
        self.killed.set()
        self.http.shutdown()
        self.http.server_close()
        for connection in self.connections:
            with suppress(OSError):
                reset_on_close = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset_on_close)
                connection.shutdown(socket.SHUT_RDWR)
                connection.close()

    def take(self, path, headers, body):
        """Notes a request and gives what is to be done with it."""
        delivery = headers["X-MLflow-Delivery-Id"]
        with self.lock:
            attempt = self.attempts.get((path, delivery), 0)
            self.attempts[path, delivery] = attempt + 1
            did = self.decide(path, delivery, attempt)
            self.arrivals.append(Arrival(path, headers, body, did))
        return did
