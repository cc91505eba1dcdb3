"""What docs/deploy.md says is done as it says, against real services and under load."""

import hashlib
import os
import re
import shutil
import sqlite3
import time
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from commands import PAGE, Commands, blocks
from conftest import BINARY
from notes import Notes
from patient import Patient
from replica_set import free_port
from training import KEYS, STEPS, Training, read_back, value_of

WRITERS, READERS, DEADLINE_S = 6, 1, 90
MODEL = "churn"


class Work:
    """Training under way, with a registered model; it remembers what was there at a moment."""

    def __init__(self, port):
        self.notes = Notes()
        self.client = Patient(port, self.notes)
        experiment = self.client.post("experiments/create", name="deploy")["experiment_id"]
        self.training = Training(port, self.notes, experiment)
        self._register()
        self.training.start(WRITERS, READERS)

    def wait_for_more(self, batches=2):
        """Waits until every writer has logged so many more batches."""
        wanted = {run.run_id: run.batches + batches for run in self.training.runs if not run.ended}
        until = time.monotonic() + DEADLINE_S
        while len(self.training.runs) < WRITERS + 1 or any(
                run.batches < wanted.get(run.run_id, batches) and not run.ended
                for run in list(self.training.runs)):
            assert self.training.errors == []
            assert time.monotonic() < until, "the training does not go on"
            time.sleep(0.1)

    def remember(self):
        """What is acknowledged now: id, number, batches and files of each run."""
        return [(run.run_id, run.number, run.batches, dict(run.files))
                for run in list(self.training.runs)]

    def finish(self):
        """Ends the training; no client saw an error, and all that was acknowledged is there."""
        self.training.finish()
        assert self.training.errors == []
        found = read_back(self.training, self.client)
        assert (found.lost, found.twice, found.other) == (0, 0, [])
        assert found.points > 0 and found.files > 0

    def _register(self):
        run = self.training.new_run(self.client)
        for name in ("MLmodel", "weights.bin"):
            content = os.urandom(100_000)
            self.client.put_file(f"{run.files_at}/model/{name}", content)
            run.files[f"{run.files_at}/model/{name}"] = hashlib.sha256(content).hexdigest()
        self.training.log(self.client, run)
        self.training.end(self.client, run)
        self.client.post("registered-models/create", name=MODEL)
        self.client.post("model-versions/create", name=MODEL, run_id=run.run_id,
                         source=f"mlflow-artifacts:/{run.files_at}/model")
        self.client.post("registered-models/alias", name=MODEL, alias="champion", version="1")


def check_restored(port, remembered):
    """All that was acknowledged before the backup is there, and no batch is half there."""
    client = Patient(port, Notes())
    for run_id, number, batches, files in remembered:
        assert client.get("runs/get", run_id=run_id)["run"]["info"]["run_id"] == run_id
        histories = [client.history(run_id, f"m{key}") for key in range(KEYS)]
        assert len({len(history) for history in histories}) == 1, run_id
        assert len(histories[0]) >= batches * STEPS, run_id
        for key, history in enumerate(histories):
            assert sorted(history) == [(step, value_of(number, key, step))
                                       for step in range(len(history))], run_id
        for path, digest in files.items():
            assert hashlib.sha256(client.get_file(path)).hexdigest() == digest, path
    version = client.get("registered-models/alias", name=MODEL, alias="champion")["model_version"]
    assert version["version"] == "1" and version["run_id"] == remembered[0][0]
    # The restored server is one to write to.
    client.post("registered-models/create", name="after the restore")


def test_one_machine_is_backed_up_under_load_and_restored(tmp_path, path, services):
    port = free_port()
    shell = Commands(tmp_path, path, DATA=tmp_path / "data", PORT=port, VERSION=f"{MODEL}/1",
                     URL=f"http://127.0.0.1:{port}", BACKUP=tmp_path / "backup")
    services.append(shell.start("one-machine"))
    shell.run("ready")
    work = Work(port)
    work.wait_for_more()
    remembered = work.remember()
    shell.run("backup-sqlite")
    work.wait_for_more()
    # A second backup takes the place of the first.
    remembered = work.remember()
    shell.run("backup-sqlite")
    work.finish()
    services.pop().kill()
    shutil.rmtree(tmp_path / "data")

    port = free_port()
    shell.set(DATA=tmp_path / "restored", PORT=port, URL=f"http://127.0.0.1:{port}")
    shell.run("restore-sqlite")
    # The copy is a file as the server makes it: the room of deleted rows goes back to the disk.
    with closing(sqlite3.connect(tmp_path / "restored" / "trackway.db")) as database:
        assert database.execute("pragma auto_vacuum").fetchone() == (2,)
    services.append(shell.start("one-machine"))
    shell.run("ready")
    shell.run("verify")
    check_restored(port, remembered)
    shell.run("verify")
    shell.set(PID=services[-1].pid)
    shell.run("stop")
    assert services.pop().code() == 0


class Site:
    """Two servers on one PostgreSQL and one bucket behind the balancer."""

    def __init__(self, home, path, s3, services):
        self.home, self.path, self.s3, self.services = home, path, s3, services
        self.ports = [free_port(), free_port()]
        self.servers = [None, None]
        admin = os.environ.get("TRACKWAY_TEST_ADMIN") or os.environ["TRACKWAY_TEST_DATABASE"]
        variables = s3.variables
        self.shell = Commands(
            home, path, **variables, ADMIN=admin, BACKUP=home / "backup", VERSION=f"{MODEL}/1",
            RCLONE_CONFIG=home / "rclone.conf", RCLONE_CONFIG_STORE_TYPE="s3",
            RCLONE_CONFIG_STORE_PROVIDER="Other", RCLONE_CONFIG_STORE_ENV_AUTH="true",
            RCLONE_CONFIG_STORE_REGION=variables["AWS_DEFAULT_REGION"],
            RCLONE_CONFIG_STORE_ENDPOINT=variables["MLFLOW_S3_ENDPOINT_URL"])
        self.move("first")

    def move(self, label):
        """Names an empty database and an empty bucket, and a new file for the key."""
        name = f"deploy_{uuid.uuid4().hex}"
        server = os.environ["TRACKWAY_TEST_DATABASE"].rpartition("/")[0]
        bucket = f"{label}-{uuid.uuid4().hex[:8]}"
        self.s3.client.create_bucket(Bucket=bucket)
        self.shell.set(NAME=name, DATABASE=f"{server}/{name}", BUCKET=bucket,
                       AUDIT_KEY=self.home / f"{label}.pem")

    def start(self, number):
        """Starts a server and waits until it is ready."""
        port = self.ports[number]
        self.shell.set(PORT=port, DATA=self.home / str(number), URL=f"http://127.0.0.1:{port}")
        self.servers[number] = self.shell.start("postgres-s3")
        self.services.append(self.servers[number])
        self.shell.run("ready")

    def balance(self):
        """Starts the balancer; gives its port when it answers."""
        port = free_port()
        bind, a, b = (f"127.0.0.1:{n}" for n in (port, *self.ports))
        self.shell.set(BALANCER=bind, SERVER_A=a, SERVER_B=b, URL=f"http://{bind}")
        self.services.append(self.shell.start("haproxy"))
        self.shell.run("ready")
        return port

    def replace(self, number):
        """Stops a server as the page says, and starts another in its place."""
        self.shell.set(PID=self.servers[number].pid)
        self.shell.run("stop")
        assert self.servers[number].code() == 0
        self.start(number)


def link(folder, binary):
    """Makes `trackway` mean a binary."""
    place = folder / "trackway"
    place.unlink(missing_ok=True)
    place.symlink_to(Path(binary).resolve())


def test_servers_are_upgraded_backed_up_and_restored_under_load(tmp_path, path, s3, services):
    # An earlier version, where one is named, is what the servers are upgraded from.
    link(path[0], os.environ.get("TRACKWAY_OLD_BIN", BINARY))
    site = Site(tmp_path, path, s3, services)
    site.shell.run("create-database")
    site.start(0)
    site.start(1)
    port = site.balance()
    balancer = site.shell.environment["URL"]
    work = Work(port)
    work.wait_for_more()
    remembered = work.remember()
    site.shell.set(URL=balancer)
    site.shell.run("backup-postgres")
    link(path[0], BINARY)
    site.shell.run("migrate")
    for number in range(2):
        site.replace(number)
        work.wait_for_more()
    work.finish()
    for service in services:
        service.kill()

    site.move("second")
    site.shell.run("restore-postgres")
    site.start(0)
    site.shell.run("verify")
    check_restored(site.ports[0], remembered)
    site.shell.run("verify")


def test_a_restored_log_that_lacks_entries_is_found(tmp_path, path, services):
    port = free_port()
    shell = Commands(tmp_path, path, DATA=tmp_path / "data", PORT=port, VERSION=f"{MODEL}/1",
                     URL=f"http://127.0.0.1:{port}", BACKUP=tmp_path / "backup")
    services.append(shell.start("one-machine"))
    shell.run("ready")
    client = Patient(port, Notes())
    client.post("registered-models/create", name="one")
    shell.run("backup-sqlite")
    client.post("registered-models/create", name="two")
    # A head that is newer than the copied database: the copy is not what it vouches for.
    head = tmp_path / "backup" / "audit-head.txt"
    before = head.read_text()
    older = (tmp_path / "backup" / "trackway.db").read_bytes()
    shell.run("backup-sqlite")
    assert head.read_text() != before
    (tmp_path / "backup" / "trackway.db").write_bytes(older)
    services.pop().kill()
    port = free_port()
    shell.set(DATA=tmp_path / "restored", PORT=port, URL=f"http://127.0.0.1:{port}")
    shell.run("restore-sqlite")
    services.append(shell.start("one-machine"))
    shell.run("ready")
    with pytest.raises(AssertionError, match="the saved checkpoint is of"):
        shell.run("verify")


def test_every_marked_block_is_found_and_run():
    assert Commands.used == set(blocks())
    marks = re.findall(r"^<!-- tested: ", PAGE.read_text(), re.MULTILINE)
    assert len(marks) == len(blocks()) > 0
