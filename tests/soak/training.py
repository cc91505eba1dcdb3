"""Training clients and readers, and the ledger of what was acknowledged to them."""

import hashlib
import itertools
import random
import threading
import time

from patient import Failed, Patient

KEYS, STEPS = 10, 10
# A run ends after so many batches, and uploads a file after every few of them.
BATCHES_OF_A_RUN, BATCHES_OF_A_FILE = (40, 90), 20


def value_of(run_number, key, step):
    """The value of a point; no two points of a soak have the same."""
    return run_number * 1_000_000 + step + key / 16


class Run:
    """What was acknowledged of a run: how many batches, and which files."""

    def __init__(self, number, run_id, files_at):
        self.number = number
        self.run_id = run_id
        self.files_at = files_at
        self.batches = 0
        self.files = {}
        self.ended = False


class Training:
    """All clients of a soak, each in a thread of its own."""

    def __init__(self, port, notes, experiment):
        self.port = port
        self.notes = notes
        self.experiment = experiment
        self.runs = []
        self.errors = []
        self.numbers = itertools.count()
        self.stopping = threading.Event()
        self.threads = []

    def start(self, writers, readers):
        """Starts so many clients of each kind."""
        for work, count in ((self._train, writers), (self._read, readers)):
            for seed in range(count):
                thread = threading.Thread(target=self._guard, args=(work, seed), daemon=True)
                self.threads.append(thread)
                thread.start()

    def finish(self):
        """Lets every client end what it is at."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(600)
        if any(thread.is_alive() for thread in self.threads):
            self.errors.append("a client does not end")

    def new_run(self, client):
        """Creates a run and notes it."""
        info = client.post("runs/create", experiment_id=self.experiment,
                           start_time=int(time.time() * 1000))["run"]["info"]
        files_at = info["artifact_uri"].removeprefix("mlflow-artifacts:/").lstrip("/")
        run = Run(next(self.numbers), info["run_id"], files_at)
        self.runs.append(run)
        return run

    def log(self, client, run):
        """Logs the next batch of a run."""
        now, first = int(time.time() * 1000), run.batches * STEPS
        metrics = [{"key": f"m{key}", "value": value_of(run.number, key, step), "step": step,
                    "timestamp": now}
                   for key in range(KEYS) for step in range(first, first + STEPS)]
        client.post("runs/log-batch", run_id=run.run_id, metrics=metrics)
        run.batches += 1

    def upload(self, client, run):
        """Uploads the next file of a run."""
        content = f"{run.run_id} {run.batches}\n".encode() * 100
        path = f"{run.files_at}/file-{run.batches}.txt"
        client.put_file(path, content)
        run.files[path] = hashlib.sha256(content).hexdigest()

    def end(self, client, run):
        """Ends a run."""
        client.post("runs/update", run_id=run.run_id, status="FINISHED",
                    end_time=int(time.time() * 1000))
        run.ended = True

    def _guard(self, work, seed):
        client = Patient(self.port, self.notes)
        try:
            work(client, random.Random(seed))
        except Failed as error:
            self.errors.append(str(error))
        except Exception as error:
            self.errors.append(repr(error))
        finally:
            client.close()

    def _train(self, client, rng):
        while not self.stopping.is_set():
            run = self.new_run(client)
            for _ in range(rng.randint(*BATCHES_OF_A_RUN)):
                if self.stopping.wait(rng.uniform(0.7, 1.3)):
                    break
                self.log(client, run)
                if run.batches % BATCHES_OF_A_FILE == 0:
                    self.upload(client, run)
            self.end(client, run)

    def _read(self, client, rng):
        while not self.stopping.wait(rng.uniform(0.3, 0.7)):
            client.post("runs/search", experiment_ids=[self.experiment], max_results=50,
                        filter="metrics.m0 > 1000000", order_by=["metrics.m1 DESC"])
            if self.runs:
                run = rng.choice(self.runs)
                before = run.batches * STEPS
                found = client.history(run.run_id, f"m{rng.randrange(KEYS)}")
                assert len(found) >= before, (run.run_id, len(found), before)


class Findings:
    """What reading everything back has shown."""

    def __init__(self):
        self.points = self.files = self.runs = 0
        self.lost, self.twice, self.other = 0, 0, []

    def check_key(self, found, expected, what):
        """Compares a history with the points that were acknowledged."""
        self.points += len(expected)
        self.lost += len(set(expected) - set(found))
        self.twice += len(found) - len(set(found))
        if extra := set(found) - set(expected):
            self.other.append(f"{what} has points that nobody logged: {sorted(extra)[:3]}")


def read_back(training, client):
    """Reads everything that was acknowledged, and compares it."""
    findings = Findings()
    for run in training.runs:
        findings.runs += 1
        for key in range(KEYS):
            expected = [(step, value_of(run.number, key, step))
                        for step in range(run.batches * STEPS)]
            findings.check_key(client.history(run.run_id, f"m{key}"), expected, run.run_id)
        status = client.get("runs/get", run_id=run.run_id)["run"]["info"]["status"]
        if status != ("FINISHED" if run.ended else "RUNNING"):
            findings.other.append(f"{run.run_id} is {status}")
        for path, digest in run.files.items():
            findings.files += 1
            if hashlib.sha256(client.get_file(path)).hexdigest() != digest:
                findings.other.append(f"{path} has another content")
    return findings
