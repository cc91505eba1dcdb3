"""Ten minutes of training on two servers, one of which is killed every minute."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from memory import Memory
from notes import Notes
from patient import Patient
from training import KEYS, Findings, Training, read_back

WRITERS, READERS, SCRIPTS = 64, 8, 2
KILL_EVERY_S, DOWN_S = 60, 8


def test_clients_see_no_error_and_lose_nothing_while_servers_are_killed(replicas, tmp_path):
    seconds = float(os.environ.get("SOAK_MINUTES", "10")) * 60
    notes = Notes()
    client = Patient(replicas.port, notes)
    experiment = client.post("experiments/create", name="soak")["experiment_id"]
    training = Training(replicas.port, notes, experiment)
    memory = Memory(replicas.replicas)
    scripts = Scripts(replicas.url, experiment, tmp_path)
    training.start(WRITERS, READERS)
    try:
        kills = kill_in_turn(replicas, seconds)
    finally:
        training.finish()
        logged, broken = scripts.finish()
        memory.stop()
    findings = read_back(training, Patient(replicas.port, Notes()))
    check_scripts(Patient(replicas.port, Notes()), logged, findings)
    say(seconds, kills, training, findings, memory, notes)
    assert training.errors + broken == []
    assert (findings.lost, findings.twice, findings.other) == (0, 0, [])
    assert findings.points > 0 and findings.files > 0 and len(logged) >= SCRIPTS
    assert memory.grown() == []


def kill_in_turn(replicas, seconds):
    """Kills one server each minute and starts it again, until the time is over; gives how often."""
    until, kills = time.monotonic() + seconds, 0
    while until - time.monotonic() > KILL_EVERY_S:
        time.sleep(KILL_EVERY_S - DOWN_S)
        replica = replicas.replicas[kills % len(replicas.replicas)]
        replica.kill()
        kills += 1
        time.sleep(DOWN_S)
        replica.start()
        replica.wait()
    time.sleep(max(0, until - time.monotonic()))
    return kills


class Scripts:
    """Training scripts with the mlflow client, in processes of their own."""

    def __init__(self, url, experiment, home):
        self.stop_file = home / "stop"
        self.outputs = []
        environment = {**os.environ, "MLFLOW_TRACKING_URI": url, "DO_NOT_TRACK": "1",
                       "MLFLOW_DISABLE_TELEMETRY": "true"}
        program = Path(__file__).with_name("mlflow_client.py")
        for number in range(SCRIPTS):
            out, err = home / f"{number}.json", home / f"{number}.log"
            with out.open("wb") as stdout, err.open("wb") as stderr:
                process = subprocess.Popen(
                    [sys.executable, str(program), experiment, str(self.stop_file)],
                    env=environment, cwd=home, stdout=stdout, stderr=stderr)
            self.outputs.append((process, out, err))

    def finish(self):
        """Lets them end; gives the steps of their runs, and what went wrong."""
        self.stop_file.touch()
        logged, broken = {}, []
        for process, out, err in self.outputs:
            try:
                if process.wait(600) == 0:
                    # MLflow prints where a run is to be seen in front of it.
                    logged |= json.loads(out.read_text().splitlines()[-1])
                else:
                    broken.append(err.read_text()[-2000:])
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                broken.append(f"a script does not end: {err.read_text()[-2000:]}")
        return logged, broken


def check_scripts(client, logged, findings: Findings):
    """Compares the runs of the scripts with what they logged."""
    for run_id, steps in logged.items():
        findings.runs += 1
        for key in range(KEYS):
            expected = [(step, step + key / 16) for step in range(steps)]
            findings.check_key(client.history(run_id, f"m{key}"), expected, run_id)


def say(seconds, kills, training, findings, memory, notes):
    """Prints the figures."""
    print(f"\n{seconds / 60:g} minutes, {WRITERS} training clients, {SCRIPTS} mlflow clients, "
          f"{READERS} readers, {kills} kills")
    print(f"{findings.runs} runs, {findings.points} points and {findings.files} files read back: "
          f"{findings.lost} points lost, {findings.twice} twice, {len(training.errors)} errors "
          f"seen by clients, {len(findings.other)} other differences")
    print("\n".join([*memory.table(), "", *notes.table()]))
