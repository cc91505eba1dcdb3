"""A server killed at a random moment has everything it acknowledged, and nothing by halves."""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ledger import Ledger

CLIENTS = 32


def run_until_killed(server, pool, rng):
    """Lets all clients write, kills the server under them, and gives the ledger of the round."""
    ledger = Ledger(server.client())
    writers = [
        pool.submit(ledger.write_until_gone, server.client(), rng.getrandbits(32))
        for _ in range(CLIENTS)
    ]
    time.sleep(rng.uniform(0.05, 0.6))
    server.kill()
    for writer in writers:
        writer.result()
    assert not ledger.refusals, ledger.refusals[0].content
    return ledger


def left_over_uploads(server):
    """Files that uploads left behind under a temporary name."""
    return list((server.data_dir / "artifacts" / ".trackway-uploads").glob("*"))


@pytest.mark.time_limit(240)
@pytest.mark.parametrize("durability, rounds", [("full", 50), ("relaxed", 5)])
def test_kills_under_32_writing_clients_lose_nothing_acknowledged(
    make_server, figures, durability, rounds
):
    seed = int(os.environ.get("DURABILITY_SEED", random.randrange(2**32)))
    figures(f"kill -9, {durability}: DURABILITY_SEED={seed}")
    rng = random.Random(seed)
    server = make_server("--durability", durability,
                         TRACKING_FOLD_AFTER_SEGMENTS=4, TRACKING_FOLD_INTERVAL_MS=20).start()
    ledgers = []
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(rounds):
            ledgers.append(run_until_killed(server, pool, rng))
            server.start()
            assert not left_over_uploads(server)
            ledgers[-1].check(server)
    for ledger in ledgers:
        ledger.check(server)
    assert server.ask_database("pragma integrity_check") == [("ok",)]
    # A short history is folded into a pack, a long one into blocks.
    folds = sum(
        server.ask_database(f"select count(*) from {table}")[0][0]
        for table in ("metric_blocks", "metric_packs")
    )
    assert folds > 0
    written = sum(ledger.count() for ledger in ledgers)
    assert written > rounds * CLIENTS
    figures(f"kill -9, {durability}: {rounds} kills, {written} acknowledged writes compared, "
            f"{folds} blocks and packs folded")
