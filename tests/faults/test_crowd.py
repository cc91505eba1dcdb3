"""Many more clients than the database has connections: they wait their turn, and none in vain."""

import asyncio
import json
import re
from collections import Counter

from load import Replica
from test_postgres import url
from wire import API, now

CLIENTS = 1_000
WRITES = 5
POOL = 16
PATIENCE_SECONDS = 120
# Times that one client may be sent away before a write of its is taken.
TRIES = 60


async def answer_of(reader):
    """The status of the next answer, and its Retry-After."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    await reader.readexactly(int(length.group(1)) if length else 0)
    after = re.search(rb"retry-after: (\d+)\r", head.lower())
    return int(head.split(b" ", 2)[1]), int(after.group(1)) if after else None


async def write_all(port, run_id, client, statuses):
    """Logs some points over one connection, again where the server says when."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for step in range(WRITES):
        body = json.dumps({"run_id": run_id, "key": f"client-{client}", "value": 1.0, "step": step,
                           "timestamp": now()}).encode()
        head = (f"POST {API}/runs/log-metric HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        for _ in range(TRIES):
            writer.write(head.encode() + body)
            status, after = await answer_of(reader)
            statuses[status] += 1
            if status == 200:
                break
            assert status in (429, 503) and after, (status, after)
            await asyncio.sleep(after)
        else:
            raise AssertionError(f"client {client} was sent away {TRIES} times")
    writer.close()


def test_a_thousand_clients_share_sixteen_connections(cluster, made, tmp_path):
    replica = Replica(tmp_path / "data", cluster, DATABASE_URL=url(cluster.port),
                      DATABASE_POOL=POOL)
    made.append(replica)
    replica.start()
    run_ids = [replica.client().create_run() for _ in range(10)]
    before = replica.memory("VmRSS")
    statuses = Counter()

    async def crowd():
        writers = [write_all(replica.port, run_ids[client % len(run_ids)], client, statuses)
                   for client in range(CLIENTS)]
        await asyncio.wait_for(asyncio.gather(*writers), PATIENCE_SECONDS)

    asyncio.run(crowd())
    assert statuses[200] == CLIENTS * WRITES and set(statuses) <= {200, 429, 503}, statuses
    used = int(replica.ask_database(
        "select count(*) from pg_stat_activity where backend_type = 'client backend'"
        " and pid <> pg_backend_pid() and datname = current_database()")[0][0])
    assert 1 < used <= POOL + 4, used
    assert replica.memory("VmHWM") - before < 128
    client = replica.client()
    for number in range(0, CLIENTS, 37):
        points = client.history(run_ids[number % len(run_ids)], f"client-{number}")
        assert len(points) == WRITES, number
