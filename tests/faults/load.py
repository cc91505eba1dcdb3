"""Clients that write through faults, and what they were told meanwhile."""

import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from ledger import BATCH, FILE, RUN, SINGLE, TAG, Ledger
from process import Server
from wire import Client, Gone

CLIENTS = 12
DEADLINE_SECONDS = 90
# No answer may take longer, whatever is down: twice the documented waits for a connection, a beginning
# and a statement together.
ANSWER_SECONDS = 90
# A file that is overwritten has a known version only where no cut request can finish late.
KINDS = {BATCH: 40, SINGLE: 20, TAG: 15, RUN: 8, FILE: 12}


class Replica(Server):
    """A server on PostgreSQL."""

    def __init__(self, data_dir, cluster, environment=None, **settings):
        super().__init__(data_dir, settings=settings)
        self.cluster = cluster
        self.more = environment or {}

    def environment(self):
        """The environment of the process, with what leads to the object store."""
        return {**super().environment(), **self.more}

    def ask_database(self, sql, *params):
        """All rows of a query of the database, as texts."""
        for value in params:
            sql = sql.replace("?", "'" + str(value).replace("'", "''") + "'", 1)
        return self.cluster.ask(sql)

    def remove(self):
        """Ends the process at once."""
        self.kill()


class OpenLedger(Ledger):
    """A ledger that knows an answer which leaves open whether the write is stored."""

    def _note(self, kind, run_id, number, answer):
        if answer.status == 503 and b"may be stored or not" in answer.content:
            self.refusals.append(answer)
        else:
            super()._note(kind, run_id, number, answer)


class Load:
    """A few clients that write without a pause and take the next replica when one goes away."""

    def __init__(self, replicas, ports):
        self.ports = ports
        self.ledger = OpenLedger(Client(replicas[0].port))
        self.stopping = threading.Event()
        self.gone = itertools.count()
        self.longest = 0
        self.pool = ThreadPoolExecutor(CLIENTS)
        self.writers = [self.pool.submit(self._write, seed) for seed in range(CLIENTS)]

    def wait_for_more(self, count=60):
        """Waits until so many more writes are acknowledged."""
        wanted = self.ledger.count() + count
        self.wait_until(lambda: self.ledger.count() >= wanted, f"{count} more writes")

    def wait_until(self, condition, what):
        """Waits for a condition, as long as every writer lives."""
        until = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            for writer in self.writers:
                if writer.done():
                    writer.result()
            assert time.monotonic() < until, f"there never were {what}"
            time.sleep(0.05)

    def finish(self, server, names=()):
        """Ends the writers, and compares what was acknowledged with what `server` has.

        Every refusal must be a 503 that names one of `names`.
        """
        self.close()
        for writer in self.writers:
            writer.result()
        for answer in self.ledger.refusals:
            text = answer.content.decode(errors="replace")
            assert answer.status == 503 and any(name in text for name in names), (
                answer.status, text)
        assert self.longest < ANSWER_SECONDS, f"an answer took {self.longest:.1f} s"
        self.ledger.check(server)
        print(f"{self.ledger.count()} acknowledged writes compared, {len(self.ledger.refusals)} "
              f"refused, {next(self.gone)} without an answer, longest {self.longest:.2f} s")

    def close(self):
        """Ends the writers."""
        self.stopping.set()
        self.pool.shutdown(wait=True)

    def _write(self, seed):
        rng, turn = random.Random(seed), seed
        client = Client(self.ports[turn % len(self.ports)], ANSWER_SECONDS)
        while not self.stopping.is_set():
            kind = rng.choices(list(KINDS), KINDS.values())[0]
            refused, began = len(self.ledger.refusals), time.monotonic()
            try:
                make = getattr(self.ledger, f"_{kind}")
                make(client, rng.choice(self.ledger.runs), next(self.ledger.numbers), seed)
            except Gone:
                next(self.gone)
                turn += 1
                client = Client(self.ports[turn % len(self.ports)], ANSWER_SECONDS)
                self.stopping.wait(0.05)
            self.longest = max(self.longest, time.monotonic() - began)
            if len(self.ledger.refusals) > refused:
                self.stopping.wait(0.1)
