"""More clients than the server takes, and clients that are slow on purpose: they are put off or cut
off, memory stays bounded, and everybody else is served, then and afterwards."""

import asyncio
import json
import re
import socket
import sqlite3
import time
from collections import Counter
from contextlib import closing

from wire import API, FILES, metric, now

LIMITS = {
    "SERVER_HEADER_TIMEOUT_S": 1,
    "SERVER_IDLE_TIMEOUT_S": 2,
    "SERVER_STALL_TIMEOUT_S": 1,
    "SERVER_BODY_TIMEOUT_S": 3,
}


def figure(server, name):
    """A sample of the page of metrics."""
    page = server.client().send("GET", "/metrics").content.decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def send_slowly(server, head, piece=b"", every=0.1, give_up=6):
    """Sends `head`, then `piece` again and again; gives the answer and when the connection ended."""
    start = time.monotonic()
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.settimeout(every)
        connection.sendall(head)
        while time.monotonic() - start < give_up:
            try:
                if piece:
                    connection.sendall(piece)
                got = connection.recv(65536)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
            if not got:
                break
            answer += got
    return answer, time.monotonic() - start


def test_a_head_that_trickles_in_is_cut_off(make_server):
    server = make_server(**LIMITS).start()
    head = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
    for piece in (b"", b"X-More: 1\r\n"):
        answer, took = send_slowly(server, head, piece)
        assert answer == b"" and 0.8 < took < 4, (answer, took)
    assert figure(server, 'trackway_http_timeouts_total{of="head"}') == 2


def test_a_connection_that_rests_is_closed_and_one_that_works_is_not(make_server):
    server = make_server(**LIMITS).start()
    answer, took = send_slowly(server, b"")
    assert answer == b"" and 1.5 < took < 5
    head = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer, took = send_slowly(server, head)
    assert answer.endswith(b"OK") and 1.5 < took < 5
    # One request a second, for longer than the limits of heads and of rest.
    client = server.client()
    for _ in range(4):
        assert client.send("GET", "/health").status == 200
        time.sleep(1)
    assert figure(server, 'trackway_http_timeouts_total{of="idle"}') == 2


def post(path, length):
    """The head of a POST of JSON."""
    return (f"POST {API}/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n\r\n").encode()


def test_a_body_that_stands_still_or_takes_too_long_is_408(make_server):
    server = make_server(**LIMITS).start()
    upload = f"PUT {FILES}/a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
    for head in (post("runs/create", 100), upload.encode()):
        answer, took = send_slowly(server, head + b'{"a"')
        assert answer.startswith(b"HTTP/1.1 408 ") and took < 4, (answer, took)
    # Pieces that keep coming keep an upload alive, but not JSON.
    answer, took = send_slowly(server, post("runs/create", 10**7), b"x" * 2048)
    assert answer.startswith(b"HTTP/1.1 408 ") and 2.5 < took < 6, (answer[:100], took)
    head = upload.replace("Content-Length: 100", "Content-Length: 81920").encode()
    answer, took = send_slowly(server, head, b"x" * 2048)
    assert answer.startswith(b"HTTP/1.1 200 ") and took > 3.5, (answer[:100], took)
    assert figure(server, 'trackway_http_timeouts_total{of="body"}') == 3
    assert server.client().get_file("a.txt").content == b"x" * 81920


def test_a_client_that_does_not_read_is_cut_off_and_holds_nothing(make_server):
    server = make_server(DATABASE_READERS=1, **LIMITS).start()
    client = server.client()
    client.put_file("big.bin", bytes(64 * 1024**2)).ok()
    run_id = client.create_run()
    points = [metric("a" * 200, float(step), step) for step in range(1000)]
    for _ in range(20):
        client.post("runs/log-batch", run_id=run_id, metrics=points).ok()
        points = [{**point, "step": point["step"] + 1000} for point in points]
    paths = [f"{FILES}/big.bin",
             f"{API}/metrics/get-history?run_id={run_id}&metric_key={'a' * 200}"]
    deaf = []
    for path in paths * 2:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        deaf.append(connection)
    # The only reader of the database is free all the while.
    for _ in range(10):
        client.run(run_id)
    deadline = time.monotonic() + 10
    while figure(server, "trackway_http_requests_in_flight") > 1:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert figure(server, 'trackway_http_timeouts_total{of="answer"}') >= 2
    for connection in deaf:
        connection.close()


async def exchange(port, request):
    """Sends a request on a connection of its own and gives the status; 0 where there is none."""
    writer = None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        status = int(head.split(b" ", 2)[1])
        if status in (429, 503):
            assert re.search(rb"retry-after: [123]\r", head.lower()), head
        return status
    except (ConnectionError, asyncio.IncompleteReadError):
        return 0
    finally:
        if writer:
            writer.close()


def logging(run_id, step):
    """A whole request that logs one point."""
    body = json.dumps({"run_id": run_id, "key": "m", "value": 1.0, "step": step,
                       "timestamp": now()}).encode()
    return post("runs/log-metric", len(body)) + body


async def crowd(port, requests):
    """Sends all requests at once, each on its own connection, and counts the statuses."""
    return Counter(await asyncio.gather(*(exchange(port, request) for request in requests)))


def test_more_connections_than_the_limit_are_told_to_come_back(make_server, figures):
    server = make_server(SERVER_MAX_CONNECTIONS=1500).start()
    run_id = server.client().create_run()
    before = server.memory("VmRSS")

    async def press():
        idle = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(1000)]
        statuses = await crowd(server.port, [logging(run_id, step) for step in range(1000)])
        for _, writer in idle:
            writer.close()
        return statuses

    statuses = asyncio.run(press())
    assert statuses[200] >= 400 and set(statuses) <= {200, 429, 503}, statuses
    grown = server.memory("VmHWM") - before
    figures(f"1,000 idle and 1,000 active connections: {dict(statuses)}, {grown:.0f} MiB more")
    assert grown < 128
    client = server.client()
    assert len(client.history(run_id, "m")) == statuses[200]
    assert asyncio.run(crowd(server.port, [logging(run_id, 5000)] * 50)) == {200: 50}


def test_more_writers_than_the_queue_takes_are_put_off_and_lose_nothing(make_server):
    server = make_server(DATABASE_MAX_WAITING_WRITES=1, DATABASE_MAX_WAITING_READS=1).start()
    run_id = server.client().create_run()

    async def press():
        # Another writer of the database holds the server's own up while the crowd comes.
        with closing(sqlite3.connect(server.database_path, isolation_level=None)) as other:
            other.execute("begin immediate")
            sent = [asyncio.create_task(exchange(server.port, logging(run_id, step)))
                    for step in range(900)]
            await asyncio.wait(sent, timeout=60, return_when=asyncio.FIRST_COMPLETED)
            other.execute("rollback")
            return Counter(await asyncio.gather(*sent))

    statuses = asyncio.run(press())
    assert statuses[200] > 0 and statuses[429] > 0 and set(statuses) == {200, 429}, statuses
    assert len(server.client().history(run_id, "m")) == statuses[200]
    assert figure(server, 'trackway_db_refused_total{queue="writes"}') == statuses[429]
    read = f"GET {API}/runs/get?run_id={run_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    statuses = asyncio.run(crowd(server.port, [read] * 300))
    assert statuses[200] > 0 and set(statuses) <= {200, 429}, statuses
    assert asyncio.run(crowd(server.port, [read])) == {200: 1}


def test_bodies_together_take_no_more_memory_than_allowed(make_server):
    server = make_server(SERVER_MAX_BODIES_MIB=32).start()
    before = server.memory("VmRSS")
    large = b'{"name": "' + b"x" * (8 * 1024**2) + b'"}'
    # The last byte is kept back, so that all bodies are there at the same time.
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(24)]
    statuses = Counter()

    async def press():
        loop = asyncio.get_running_loop()

        async def one(connection):
            connection.setblocking(False)
            await loop.sock_sendall(connection, post("experiments/create", len(large)))
            await loop.sock_sendall(connection, large[:-1])
            await asyncio.sleep(1)
            await loop.sock_sendall(connection, large[-1:])
            answer = await loop.sock_recv(connection, 100)
            statuses[int(answer.split(b" ")[1])] += 1

        await asyncio.gather(*(one(connection) for connection in held))

    asyncio.run(press())
    for connection in held:
        connection.close()
    # 400: the name is too long, which is said once the body is read whole.
    assert set(statuses) <= {400, 429} and statuses[400] > 0, statuses
    assert statuses[429] >= 20, statuses
    assert server.memory("VmHWM") - before < 160
    server.client().create_run()


def test_a_body_that_is_refused_unread_does_not_cost_the_answer(make_server):
    server = make_server(SERVER_MAX_JSON_MIB=1).start()
    body = b"x" * (64 * 1024**2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        for _ in range(3):
            connection.sendall(post("runs/create", len(body)) + body)
            assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    # Whoever goes on for long, or stops half way, is cut off.
    server = make_server(SERVER_MAX_JSON_MIB=1, **LIMITS).start()
    head = post("runs/create", len(body)) + body[: 2 * 1024**2]
    for piece, longest in ((b"x" * 2048, 3), (b"", 1)):
        answer, took = send_slowly(server, head, piece, give_up=20)
        assert answer.startswith(b"HTTP/1.1 413 "), answer[:100]
        assert longest - 0.5 < took < longest + 4, took
    # Whoever asks first whether to send it is not told to.
    asks = b"\r\nExpect: 100-continue\r\nOrigin: http://elsewhere.example\r\n\r\n"
    answer, _ = send_slowly(server, post("runs/create", 100).replace(b"\r\n\r\n", asks))
    assert answer.startswith(b"HTTP/1.1 403 "), answer[:100]
