"""A full disk is refused clearly, loses nothing, leaves nothing by halves, and passes."""

import json
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import process
import pytest
import small_disk
from ledger import BATCH, FILE, Ledger, folder
from small_disk import MIB
from wire import metric

CLIENTS = 8


@pytest.fixture
def disk(tmp_path, figures):
    disk = small_disk.make(tmp_path / "disk", 64)
    figures(f"full disk: tested on {disk.name}")
    yield disk
    disk.close()


class DiskServer(process.Server):
    """A server whose data is on the small disk, which other processes see at another path."""

    def __init__(self, disk):
        super().__init__(disk.inside / "data", through=disk.through)
        self.seen = disk.folder / "data"

    def ask_database(self, sql, *params):
        """Asks a process that sees the disk where the server does: SQLite resolves links."""
        script = (f"import json, sqlite3; db = sqlite3.connect({str(self.database_path)!r}); "
                  f"print(json.dumps(db.execute({sql!r}, {params!r}).fetchall()))")
        answer = subprocess.check_output([*self.through, sys.executable, "-c", script])
        return [tuple(row) for row in json.loads(answer)]

    @property
    def log_path(self):
        """Outside of the small disk."""
        return self.data_dir.parent.parent / "server.log"

    def unfinished(self):
        """What uploads left under a temporary name, which is removed just after the refusal."""
        for _ in range(100):
            left = list((self.seen / "artifacts" / ".trackway-uploads").glob("*"))
            if not left:
                break
            time.sleep(0.05)
        return left


@pytest.fixture
def server(disk, servers):
    server = DiskServer(disk)
    servers.append(server)
    return server.start()


def assert_names_the_disk(disk, answer):
    """A refusal is a 503 that names the disk, and never a fault of the server.

    A limit on file sizes is no full disk: there the server may also say that the file is too large
    (413), or that the database file cannot be written.
    """
    text = answer.content.decode()
    assert answer.status in ((503,) if disk.refuses_as_full else (503, 413)), (answer.status, text)
    assert "disk" in text, text
    expected = "TEMPORARILY_UNAVAILABLE" if answer.status == 503 else "INVALID_PARAMETER_VALUE"
    assert answer.json()["error_code"] == expected


def write_some(server, ledger, writes):
    """Lets several clients write at the same time, each `writes` times."""

    def work(seed):
        rng, client = random.Random(seed), server.client()
        for _ in range(writes):
            ledger.write(client, rng, seed)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))


def log_until_refused(client, run_id, disk):
    """Logs batches of 1,000 points of one metric until one is refused; gives how many were not."""
    for batch in range(2_000):
        points = [metric("curve", n / 7, n, n) for n in range(batch * 1000, batch * 1000 + 1000)]
        answer = client.post("runs/log-batch", run_id=run_id, metrics=points)
        if answer.status != 200:
            assert_names_the_disk(disk, answer)
            return batch
    raise AssertionError("the disk never was full")


@pytest.mark.time_limit(120)
def test_a_disk_filled_by_others_refuses_writes_until_there_is_room(server, disk, figures):
    ledger = Ledger(server.client())
    write_some(server, ledger, 25)
    assert not ledger.refusals
    run_id = server.client().create_run()

    disk.fill(server)
    batches = log_until_refused(server.client(), run_id, disk)
    write_some(server, ledger, 40)
    refused = len(ledger.refusals)
    assert refused > 0
    for answer in ledger.refusals:
        assert_names_the_disk(disk, answer)
    assert server.is_running()
    assert not server.unfinished()
    ledger.check(server)
    assert len(server.client().history(run_id, "curve")) == batches * 1000

    disk.make_room(server)
    ledger.refusals.clear()
    write_some(server, ledger, 25)
    assert not ledger.refusals, ledger.refusals[0].content
    ledger.check(server)
    server.kill()
    server.start()
    ledger.check(server)
    assert len(server.client().history(run_id, "curve")) == batches * 1000
    assert server.ask_database("pragma integrity_check") == [("ok",)]
    figures(f"full disk: {refused} writes refused, {ledger.count()} acknowledged ones compared")


@pytest.mark.time_limit(120)
def test_artifacts_that_fill_the_disk_leave_nothing_and_deleting_one_makes_room(server, disk):
    if not disk.refuses_as_full:
        pytest.skip(f"{disk.name} does not limit all files together")
    client = server.client()
    ledger = Ledger(client)
    write_some(server, ledger, 10)
    run_id = client.create_run()
    content = random.Random(1).randbytes(5 * MIB)
    stored = []
    for n in range(disk.mib):
        answer = client.put_file(f"{folder(run_id)}/{n}", content)
        if answer.status != 200:
            break
        stored.append(str(n))
    assert_names_the_disk(disk, answer)
    assert stored and not server.unfinished()
    free = disk.free()
    refused = [client.put_file(f"{folder(run_id)}/more-{n}", content) for n in range(5)]
    for answer in refused:
        assert_names_the_disk(disk, answer)
    listed = client.get("artifacts/list", run_id=run_id).ok()["files"]
    assert sorted(file["path"] for file in listed) == sorted(stored)
    assert client.get_file(f"{folder(run_id)}/{stored[-1]}").content == content
    assert not server.unfinished()
    assert disk.free() == free

    # With no byte left, a deletion must still be possible: it is the way out.
    disk.fill(server)
    client.send("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{folder(run_id)}/0").ok()
    client.put_file(f"{folder(run_id)}/again", content[: 4 * MIB]).ok()
    ledger.check(server)
    disk.make_room(server)
    # How much room is left depends on the size of the database; many clients need some megabytes.
    client.send("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{folder(run_id)}/1").ok()
    write_some(server, ledger, 10)
    assert not ledger.refusals, ledger.refusals[0].content
    server.kill()
    server.start()
    ledger.check(server)
    assert server.client().get_file(f"{folder(run_id)}/again").content == content[: 4 * MIB]


def test_a_server_killed_on_a_full_disk_starts_again_and_is_read(server, disk):
    if not disk.refuses_as_full:
        pytest.skip(f"{disk.name} ends with the process")
    ledger = Ledger(server.client())
    write_some(server, ledger, 25)
    disk.fill(server)
    log_until_refused(server.client(), ledger.runs[0], disk)
    server.kill()
    server.start()
    ledger.check(server)
    assert ledger.acknowledged[BATCH, ledger.runs[0]] and ledger.acknowledged[FILE, ledger.runs[0]]
    disk.make_room(server)
    write_some(server, ledger, 10)
    assert not ledger.refusals, ledger.refusals[0].content
    ledger.check(server)
