"""Writes that can be checked: what was sent, what the server acknowledged, what must be there.

Every write carries a number of its own, so that a batch of which a part is missing, or a file that
is cut off, is seen.
"""

import hashlib
import itertools
import random
from collections import defaultdict
from contextlib import contextmanager

from wire import Gone, metric

START = 1_700_000_000_000
# Keys that all batches of a run share.
KEYS = [f"shared/{n}" for n in range(5)]
BATCH, SINGLE, TAG, RUN, FILE, OVERWRITE = "batch", "single", "tag", "run", "file", "overwrite"
WEIGHTS = {BATCH: 40, SINGLE: 20, TAG: 15, RUN: 8, FILE: 12, OVERWRITE: 5}


class Ledger:
    """Writes to a few runs from many threads, and what became of each write.

    A write is acknowledged, refused (another status came), or unknown (the server went away).
    """

    def __init__(self, client, runs=4, largest_file=60_000):
        self.runs = [client.create_run() for _ in range(runs)]
        self.largest_file = largest_file
        self.numbers = itertools.count()
        self.acknowledged = defaultdict(set)
        self.refused = defaultdict(set)
        self.refusals = []
        self.created = set()
        # The versions of each overwritten file that may be there now.
        self.versions = {}

    def count(self):
        """How many writes were acknowledged."""
        return sum(map(len, self.acknowledged.values())) + len(self.created)

    def write(self, client, rng, thread):
        """Makes one random write and notes what became of it; raises `Gone`."""
        kind = rng.choices(list(WEIGHTS), WEIGHTS.values())[0]
        run_id, number = rng.choice(self.runs), next(self.numbers)
        getattr(self, f"_{kind}")(client, run_id, number, thread)

    def write_until_gone(self, client, seed, stopped=lambda: False):
        """Writes until the server goes away or `stopped` says so."""
        rng = random.Random(seed)
        while not stopped():
            try:
                self.write(client, rng, seed)
            except Gone:
                return

    def check(self, server):
        """Compares everything noted here with what the server has."""
        client = server.client()
        for run_id in self.runs:
            self._check_run(client, run_id)
            self._check_files(server, client, run_id)
        for run_id in self.created:
            assert client.run(run_id)["info"]["run_id"] == run_id
        for path, versions in self.versions.items():
            answer = client.get_file(path)
            there = hashlib.sha256(answer.content).hexdigest() if answer.status == 200 else None
            expected = {None if n is None else self._digest(n) for n in versions}
            assert there in expected, f"{path} is none of the versions {versions}"

    def _note(self, kind, run_id, number, answer):
        if answer.status == 200:
            self.acknowledged[kind, run_id].add(number)
        else:
            self.refused[kind, run_id].add(number)
            self.refusals.append(answer)

    def _batch(self, client, run_id, number, _thread):
        answer = client.post(
            "runs/log-batch",
            run_id=run_id,
            metrics=[metric(key, number * 10 + k, number, START + number)
                     for k, key in enumerate(KEYS)],
            params=[{"key": f"param/{number}", "value": str(number)}],
            tags=[{"key": f"batch/{number}", "value": str(number)}],
        )
        self._note(BATCH, run_id, number, answer)

    def _single(self, client, run_id, number, _thread):
        sent = metric("single", number / 8, number, START + number)
        self._note(SINGLE, run_id, number, client.post("runs/log-metric", run_id=run_id, **sent))

    def _tag(self, client, run_id, number, _thread):
        tag = {"key": f"tag/{number}", "value": str(number)}
        self._note(TAG, run_id, number, client.post("runs/set-tag", run_id=run_id, **tag))

    def _run(self, client, _run_id, number, _thread):
        answer = client.post("runs/create", experiment_id="0", run_name=f"run-{number}")
        if answer.status == 200:
            self.created.add(answer.json()["run"]["info"]["run_id"])
        else:
            self.refusals.append(answer)

    def _file(self, client, run_id, number, _thread):
        answer = client.put_file(f"{folder(run_id)}/{number}", self._content(number))
        self._note(FILE, run_id, number, answer)

    def _overwrite(self, client, _run_id, number, thread):
        """Each thread overwrites one file of its own; it is the version before or this one."""
        path = f"{folder(self.runs[0])}/overwritten/{thread}"
        before = self.versions.get(path, {None})
        self.versions[path] = before | {number}
        answer = client.put_file(path, self._content(number))
        if answer.status == 200:
            self.versions[path] = {number}
            self.acknowledged[OVERWRITE, thread].add(number)
        else:
            self.refusals.append(answer)

    def _check_run(self, client, run_id):
        run = client.run(run_id)
        histories = {key: client.history(run_id, key) for key in [*KEYS, "single"]}
        for key, points in histories.items():
            steps = [point["step"] for point in points]
            assert len(set(steps)) == len(steps), f"{key} has a point twice"
            if points:
                assert run["metrics"][key] == max(points, key=lambda p: p["step"])["value"]
        self._check_batches(run, histories)
        singles = {p["step"] for p in histories["single"] if p["value"] == p["step"] / 8}
        tags = numbers_of("tag/", run["tags"])
        for kind, there in ((SINGLE, singles), (TAG, tags)):
            with named(kind, run_id):
                assert self.acknowledged[kind, run_id] <= there
                assert not self.refused[kind, run_id] & there

    def _check_batches(self, run, histories):
        """All parts of a batch are there, or none; all parts of an acknowledged one."""
        run_id = run["info"]["run_id"]
        parts = [numbers_of("param/", run["params"]), numbers_of("batch/", run["tags"])]
        for k, key in enumerate(KEYS):
            parts.append({p["step"] for p in histories[key] if p["value"] == p["step"] * 10 + k})
            assert len(parts[-1]) == len(histories[key]), f"{key} has a wrong value"
        halves = set.union(*parts) - set.intersection(*parts)
        with named(BATCH, run_id):
            assert not halves, f"half applied: {sorted(halves)}"
            assert self.acknowledged[BATCH, run_id] <= parts[0]
            assert not self.refused[BATCH, run_id] & parts[0]

    def _check_files(self, server, client, run_id):
        """Acknowledged files are there with their digest; every file that is there is whole."""
        below = folder(run_id)
        listed = client.get("artifacts/list", run_id=run_id).ok().get("files", [])
        there = {int(file["path"]) for file in listed if not file["is_dir"]}
        with named(FILE, run_id):
            assert self.acknowledged[FILE, run_id] <= there
        recorded = dict(server.ask_database(
            "select path, sha256 from artifacts where path like ? || '/%'", below))
        for number in there:
            path, digest = f"{below}/{number}", self._digest(number)
            content = client.get_file(path).content
            assert hashlib.sha256(content).hexdigest() == digest, f"{path} is cut off"
            if number in self.acknowledged[FILE, run_id]:
                assert recorded[path] == digest

    def _content(self, number):
        size = 1 + number * 7919 % self.largest_file
        return hashlib.shake_128(str(number).encode()).digest(size)

    def _digest(self, number):
        return hashlib.sha256(self._content(number)).hexdigest()


def folder(run_id):
    """Where the files of a run of the default experiment are, below the root of all artifacts."""
    return f"0/{run_id}/artifacts"


def numbers_of(prefix, values):
    """The numbers of the entries `<prefix><number>`, whose values must be the same numbers."""
    found = {key: value for key, value in values.items() if key.startswith(prefix)}
    assert all(key == prefix + value for key, value in found.items()), found
    return {int(value) for value in found.values()}


@contextmanager
def named(kind, run_id):
    """Says in a failure which write of which run it is about."""
    try:
        yield
    except AssertionError as e:
        raise AssertionError(f"{kind} of run {run_id}: {e}") from e
