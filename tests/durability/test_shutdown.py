"""A server that is asked to stop finishes what is under way, takes nothing new, and ends with 0."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.request import urlopen

import pytest
from ledger import Ledger, folder
from wire import FILES, Gone, metric

CLIENTS = 16


class SlowRequest:
    """A request whose body is sent in pieces, at the test's own pace."""

    def __init__(self, port, method, path, body, content_type):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.left = body
        head = (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n")
        self.socket.sendall(head.encode())

    def send(self, size=None):
        """Sends the next `size` bytes of the body, or all that is left."""
        size = len(self.left) if size is None else size
        self.socket.sendall(self.left[:size])
        self.left = self.left[size:]

    def status(self):
        """Reads the status of the answer."""
        with self.socket, self.socket.makefile("rb") as answer:
            return int(answer.readline().split()[1])


def wait_until_refused(port, seconds=10):
    """Waits until nobody accepts connections any more."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.01)
    raise AssertionError("a stopping server still accepts connections")


def test_requests_under_way_are_finished_and_new_connections_refused(make_server):
    # A grace far above the test's own limit: only requests under way may hold the server up.
    server = make_server("--shutdown-grace", "600").start()
    run_id = server.client().create_run()
    content = bytes(range(256)) * 16_384
    path = f"{folder(run_id)}/slow"
    upload = SlowRequest(server.port, "PUT", f"{FILES}/{path}", content, "text/plain")
    body = b'{"run_id": "%s", "metrics": [{"key": "m", "value": 1, "step": 0, "timestamp": 1}]}'
    batch = SlowRequest(server.port, "POST", "/api/2.0/mlflow/runs/log-batch",
                        body % run_id.encode(), "application/json")
    upload.send(1_000_000)
    batch.send(30)
    time.sleep(0.1)

    server.terminate()
    wait_until_refused(server.port)
    upload.send(1_000_000)
    batch.send()
    assert batch.status() == 200
    assert server.is_running()
    upload.send()
    assert upload.status() == 200
    assert server.wait() == 0

    server.start()
    assert server.client().get_file(path).content == content
    assert server.client().run(run_id)["metrics"] == {"m": 1.0}


def test_idle_connections_do_not_hold_up_the_end(make_server):
    server = make_server("--shutdown-grace", "600").start()
    client = server.client()
    client.create_run()
    with socket.create_connection(("127.0.0.1", server.port)):
        time.sleep(0.1)
        server.terminate()
        assert server.wait() == 0


def test_a_request_that_never_ends_is_dropped_after_the_grace(make_server):
    server = make_server("--shutdown-grace", "1").start()
    run_id = server.client().create_run()
    path = f"{FILES}/{folder(run_id)}/never"
    upload = SlowRequest(server.port, "PUT", path, bytes(1000), "text/plain")
    upload.send(500)
    time.sleep(0.1)
    server.terminate()
    assert server.wait() == 0
    upload.socket.close()
    server.start()
    assert server.client().get_file(f"{folder(run_id)}/never").status == 404


@pytest.mark.parametrize("segments", [4, 64])
def test_everything_acknowledged_under_load_is_there_after_a_stop(make_server, segments):
    server = make_server(TRACKING_FOLD_AFTER_SEGMENTS=segments, TRACKING_FOLD_INTERVAL_MS=20)
    server.start()
    ledger = Ledger(server.client())
    with ThreadPoolExecutor(CLIENTS) as pool:
        writers = [
            pool.submit(ledger.write_until_gone, server.client(), seed) for seed in range(CLIENTS)
        ]
        time.sleep(0.7)
        server.terminate()
        assert server.wait() == 0
        for writer in writers:
            writer.result()
    assert not ledger.refusals, ledger.refusals[0].content
    assert ledger.count() > CLIENTS
    # Nothing was left for the next start to recover.
    assert not (server.data_dir / "trackway.db-wal").exists()
    server.start()
    ledger.check(server)


def test_a_stopped_server_answers_nothing_and_starts_where_it_was(make_server):
    server = make_server().start()
    client = server.client()
    run_id = client.create_run()
    for step in range(20):
        client.post("runs/log-batch", run_id=run_id, metrics=[metric("m", step, step)]).ok()
    server.stop()
    with pytest.raises((Gone, OSError)):
        client.run(run_id)
    server.start()
    assert [p["step"] for p in server.client().history(run_id, "m")] == list(range(20))


def test_requests_that_wait_for_a_change_do_not_hold_up_the_end(make_server):
    server = make_server("--shutdown-grace", "600").start()
    client = server.client()
    client.post("registered-models/create", name="m").ok()
    client.post("model-versions/create", name="m", source="s3://bucket/m").ok()
    path = "/api/1.0/resolve?uri=models:/m/1"
    etag = urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=10).headers["ETag"]
    head = (f"GET {path}&wait=60 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"X-Trackway-Consumer: c\r\nIf-None-Match: {etag}\r\n\r\n").encode()
    with ExitStack() as stack:
        waiting = []
        for _ in range(200):
            address = ("127.0.0.1", server.port)
            connection = stack.enter_context(socket.create_connection(address, timeout=20))
            connection.sendall(head)
            waiting.append(connection)
        time.sleep(1)
        started = time.monotonic()
        server.terminate()
        for connection in waiting:
            with connection.makefile("rb") as answer:
                assert answer.readline().split()[1] == b"304"
        assert server.wait() == 0
        assert time.monotonic() - started < 10

    # Who resolved what is written down before the end.
    server.start()
    address = f"http://127.0.0.1:{server.port}/api/1.0/models/m/resolutions"
    (seen,) = json.load(urlopen(address, timeout=10))["resolutions"]
    assert (seen["consumer"], seen["version"], seen["times"]) == ("c", "1", 200)
