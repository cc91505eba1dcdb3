"""A collector that takes OTLP over HTTP with protobuf, read with OpenTelemetry's own messages.

It also takes any other POST, so that a webhook can be sent to it.
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.trace.v1 import trace_pb2

KIND = trace_pb2.Span.SpanKind
ERROR = trace_pb2.Status.STATUS_CODE_ERROR
PATH = "/v1/traces"


class Span:
    """A span as the collector got it: attributes as a dictionary, ids in hexadecimal."""

    def __init__(self, span, resource):
        self.name = span.name
        self.kind = KIND.Name(span.kind).removeprefix("SPAN_KIND_")
        self.trace_id, self.id = span.trace_id.hex(), span.span_id.hex()
        self.parent = span.parent_span_id.hex()
        self.failed = span.status.code == ERROR
        self.start, self.end = span.start_time_unix_nano, span.end_time_unix_nano
        self.attributes = plain(span.attributes)
        self.resource = plain(resource.attributes)

    def __repr__(self):
        return f"{self.name} {self.attributes}"


def plain(attributes):
    """Attributes as a dictionary."""
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in attributes}


class Collector:
    """A collector on a port of this machine, which can stop and start there again.

    While `hangs` is set it takes requests and answers none.
    """

    def __init__(self, status=200):
        self.status = status
        self.hangs = threading.Event()
        self.requests = []  # (path, headers, body), in the order of arrival
        self.port = 0
        self.start()

    def start(self):
        """Listens."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                while collector.hangs.is_set():
                    time.sleep(0.01)
                collector.requests.append((self.path, dict(self.headers.items()), body))
                answer = service.ExportTraceServiceResponse().SerializeToString()
                self.send_response(collector.status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """Goes away."""
        self.hangs.clear()
        self.server.shutdown()
        self.server.server_close()

    @property
    def base(self):
        """The URL that `OTEL_EXPORTER_OTLP_ENDPOINT` takes."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self):
        """The URL that `traces.endpoint` takes."""
        return self.base + PATH

    def sent_to(self, path):
        """Headers and bodies that were posted to a path."""
        return [(headers, body) for to, headers, body in list(self.requests) if to == path]

    def spans(self, *names):
        """The spans that came, or those of some names, in the order of arrival."""
        found = []
        for _, body in self.sent_to(PATH):
            for group in service.ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in group.scope_spans:
                    found += [Span(span, group.resource) for span in scope.spans]
        return [span for span in found if not names or span.name in names]

    def one(self, name):
        """The only span of a name, which is waited for."""
        wait_until(lambda: self.spans(name), f"a span {name}")
        spans = self.spans(name)
        assert len(spans) == 1, spans
        return spans[0]


def wait_until(holds, what, seconds=15):
    """Waits until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.02)
