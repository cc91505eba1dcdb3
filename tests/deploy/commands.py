"""Runs the commands of docs/deploy.md as they stand there."""

import os
import re
import signal
import subprocess
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "deploy.md"
LIMIT_S = 120


def blocks():
    """The tested code blocks of the page by name."""
    found = re.findall(r"^<!-- tested: (\S+) -->\n```\n(.*?)^```$", PAGE.read_text(),
                       re.MULTILINE | re.DOTALL)
    names = [name for name, _ in found]
    assert len(names) == len(set(names)), names
    return dict(found)


class Commands:
    """A shell with the variables of the page; it notes which blocks were run."""

    used = set()

    def __init__(self, home, path, **variables):
        """`path` are folders that go before the usual ones."""
        ours = ("MLFLOW_", "_MLFLOW_", "TRACKWAY_", "RCLONE_", "AWS_", "PG")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        folders = ":".join([*map(str, path), "/usr/sbin", kept.get("PATH", "/usr/bin:/bin")])
        self.home = home
        self.environment = {**kept, "PATH": folders}
        self.set(**variables)

    def set(self, **variables):
        """Sets variables."""
        self.environment |= {name: str(value) for name, value in variables.items()}

    def run(self, name):
        """Runs a block to its end, and gives what it prints."""
        done = subprocess.run(self._command(name), env=self.environment, cwd=ROOT, timeout=LIMIT_S,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, (name, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def start(self, name):
        """Starts a block that serves until it is ended."""
        return Service(self._command(name), self.environment, self.home / f"{name}.log")

    def _command(self, name):
        Commands.used.add(name)
        # The program that serves takes the place of the shell, so that it gets the signals.
        text = re.sub(r"\A(trackway server|haproxy)", r"exec \1", blocks()[name])
        return ["bash", "-euo", "pipefail", "-c", text]


class Service:
    """A process that serves. Somebody waits for it, so that it is gone when it ended."""

    def __init__(self, command, environment, log):
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=out,
                                            stderr=subprocess.STDOUT, start_new_session=True)
        self.reaper = threading.Thread(target=self.process.wait, daemon=True)
        self.reaper.start()

    @property
    def pid(self):
        """Its process id."""
        return self.process.pid

    def kill(self):
        """Ends it at once."""
        if self.reaper.is_alive():
            os.killpg(self.pid, signal.SIGKILL)
        self.reaper.join(30)

    def code(self):
        """The exit code of the process that ended."""
        self.reaper.join(30)
        return self.process.returncode
