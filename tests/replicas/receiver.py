"""A receiver of webhooks that keeps each delivery's id and value, in the order of arrival."""

import http.server
import json
import threading


class Receiver:
    """Listens on a free port until it is stopped; `hold` makes it answer slowly."""

    def __init__(self):
        self.arrivals = []
        self.slowly = threading.Event()
        self.ended = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                """Notes the delivery and answers."""
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.arrivals.append(
                    (self.headers["X-MLflow-Delivery-Id"], body["data"].get("value")))
                if receiver.slowly.is_set():
                    receiver.ended.wait(0.1)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Says nothing."""

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def values(self):
        """The values that arrived, each delivery counted once."""
        seen = dict(self.arrivals)
        return list(seen.values())

    def stop(self):
        """Stops listening."""
        self.ended.set()
        self.http.shutdown()
        self.http.server_close()
