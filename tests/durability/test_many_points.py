"""Long and wide metric histories: every point is read back, and none takes much of the disk."""

import json
import random
import sqlite3
import time
from contextlib import closing

import pytest
from wire import metric

BATCH = 1000
# Everything counted: rows, indexes, pages that are not full, what folding left free.
BYTES_A_POINT = 20
START = 1_700_000_000_000


def random_walk(points, seed):
    """Yields (step, timestamp, value): a point each second, late by up to 100 ms."""
    rng = random.Random(seed)
    value = 0.0
    for step in range(points):
        value += rng.gauss(0, 1)
        yield step, START + step * 1000 + rng.randrange(100), value


def stored_bytes(server):
    """Size of the database file, with everything moved into it from the log beside it."""
    with closing(sqlite3.connect(server.database_path, timeout=30)) as db:
        deadline = time.monotonic() + 30
        while db.execute("pragma wal_checkpoint(truncate)").fetchone()[0] != 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    return server.database_path.stat().st_size


def wait_until_folded(server, seconds=60):
    """Waits until no segment is left, and the room they took is given back."""
    deadline = time.monotonic() + seconds
    while server.ask_database("select 1 from metric_segments limit 1"):
        assert time.monotonic() < deadline, "segments were left unfolded"
        time.sleep(0.1)
    while free_pages(server) > 0:
        assert time.monotonic() < deadline, "free room was not given back"
        time.sleep(0.2)


def free_pages(server):
    """Free pages of the database file beyond those that the server keeps."""
    [[free]] = server.ask_database("pragma freelist_count")
    [[pages]] = server.ask_database("pragma page_count")
    return max(0, free - max(64, pages // 16))


def finish(client, run_id):
    """Ends a run, which lets the server fold all of it."""
    client.post("runs/update", run_id=run_id, status="FINISHED", end_time=START).ok()


def log_batch(client, run_id, metrics):
    body = json.dumps({"run_id": run_id, "metrics": metrics}).encode()
    client.post_bytes("runs/log-batch", body).ok()


def as_tuples(points):
    return [(point["step"], point["timestamp"], point["value"]) for point in points]


@pytest.mark.time_limit(180)
def test_a_million_points_of_one_metric_are_read_back_and_take_20_bytes_each(make_server, figures):
    server = make_server(TRACKING_FOLD_INTERVAL_MS=50).start()
    client = server.client()
    run_id = client.create_run()
    before = stored_bytes(server)
    sent = list(random_walk(1_000_000, seed=1))
    for at in range(0, len(sent), BATCH):
        points = [metric("loss", value, step, timestamp)
                  for step, timestamp, value in sent[at : at + BATCH]]
        log_batch(client, run_id, points)
    finish(client, run_id)
    wait_until_folded(server)
    each = (stored_bytes(server) - before) / len(sent)
    figures(f"size: {each:.2f} bytes a point, 1,000,000 points of one metric")
    assert each <= BYTES_A_POINT

    assert as_tuples(client.history(run_id, "loss")) == sent
    answer = client.get("metrics/get-history-bulk-interval", run_ids=[run_id], metric_key="loss",
                        max_results=1000).ok()
    sampled = as_tuples(answer["metrics"])
    assert len(sampled) == 1000
    assert sampled[0] == sent[0] and sampled[-1] == sent[-1]
    assert all(point == sent[point[0]] for point in sampled)
    answer = client.get("metrics/get-history-bulk-interval", run_ids=[run_id], metric_key="loss",
                        start_step=500_000, end_step=500_099, max_results=2500).ok()
    assert as_tuples(answer["metrics"]) == sent[500_000:500_100]
    assert client.run(run_id)["metrics"]["loss"] == sent[-1][2]


# A metric of few points pays for its name and its latest value.
@pytest.mark.time_limit(120)
@pytest.mark.parametrize(
    "points, limit", [(1000, BYTES_A_POINT), (200, BYTES_A_POINT), (50, BYTES_A_POINT), (10, 45), (1, 160)]
)
def test_a_thousand_metrics_of_one_run_are_read_back_and_stay_small(
    make_server, figures, points, limit
):
    server = make_server(TRACKING_FOLD_INTERVAL_MS=50).start()
    client = server.client()
    run_id = client.create_run()
    before = stored_bytes(server)
    series = {f"layer/{n}": list(random_walk(points, seed=n)) for n in range(1000)}
    for step in range(points):
        log_batch(client, run_id, [
            metric(key, walk[step][2], step, walk[step][1]) for key, walk in series.items()
        ])
    finish(client, run_id)
    wait_until_folded(server)
    each = (stored_bytes(server) - before) / (1000 * points)
    figures(f"size: {each:.2f} bytes a point, 1,000 metrics of {points} points in one run")
    assert each <= limit
    assert len(client.run(run_id)["metrics"]) == 1000
    for key in random.Random(1).sample(sorted(series), 50):
        assert as_tuples(client.history(run_id, key, page=64)) == series[key]
