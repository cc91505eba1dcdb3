"""Starts the server under test, watches its memory, and ends it politely or with kill -9."""

import os
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from wire import Client

START_SECONDS = 30


def binary():
    """The binary under test, from the environment."""
    path = Path(os.environ.get("TRACKWAY_BIN", "")).resolve()
    if not path.is_file():
        raise LookupError("set TRACKWAY_BIN to the Trackway binary that is to be tested")
    return path


class Server:
    """A server on a data directory, which survives being stopped and started.

    `settings` are configuration keys as variables without their prefix. `through` is a command
    that starts the server, such as one that enters another mount namespace. `variables` may be
    filled with others, by their whole names.
    """

    def __init__(self, data_dir, flags=(), settings=None, through=()):
        self.data_dir = Path(data_dir)
        self.flags = list(flags)
        self.settings = {f"TRACKWAY_{name}": str(v) for name, v in (settings or {}).items()}
        self.variables = {}
        self.through = list(through)
        self.process = None
        self.port = None

    def start(self):
        """Starts the server on a free port, waits until it serves, and gives itself."""
        command = [*self.through, str(binary()), "server", "--data-dir", str(self.data_dir),
                   "--host", "127.0.0.1", "--port", "0", *self.flags]
        with self._log_file() as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=self.environment())
        os.set_blocking(self.process.stdout.fileno(), False)
        said = b""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            said += self.process.stdout.read() or b""
            if found := re.search(rb"serves at http://127\.0\.0\.1:(\d+)", said):
                self.port = int(found.group(1))
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.002)
        raise RuntimeError(f"the server did not start ({self.process.poll()}):\n{self.tail()}")

    def client(self, timeout=30):
        """A new client of this server, for one thread."""
        return Client(self.port, timeout)

    def kill(self):
        """Ends the process at once, as kill -9 does."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        self._reap()

    def terminate(self):
        """Asks the server to stop, without waiting for it."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout=20):
        """Waits for the end of the process and gives its exit code."""
        code = self.process.wait(timeout)
        self._reap()
        return code

    def stop(self):
        """Stops the server politely; it must end without an error."""
        self.terminate()
        assert self.wait() == 0, self.tail()

    def is_running(self):
        """Whether the process lives."""
        return self.process.poll() is None

    def memory(self, name):
        """`VmRSS` or `VmHWM` (the highest `VmRSS` so far) of the process, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status).group(1)) / 1024

    @property
    def database_path(self):
        """The database file."""
        return self.data_dir / "trackway.db"

    @property
    def log_path(self):
        """Where the server logs in all its lives."""
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    def ask_database(self, sql, *params):
        """All rows of a query of the database file."""
        with closing(sqlite3.connect(self.database_path, timeout=10)) as db:
            return db.execute(sql, params).fetchall()

    def tail(self, lines=40):
        """Last lines of the log."""
        there = self.log_path.exists()
        text = self.log_path.read_text(errors="replace") if there else ""
        return "\n".join(text.splitlines()[-lines:])

    def environment(self):
        """The environment of the process: nobody's settings but the test's."""
        strange = ("MLFLOW_", "OTEL_", "TRACKWAY_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(strange)}
        return {**kept, **self.settings, **self.variables}

    def _log_file(self):
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        return self.log_path.open("ab")

    def _reap(self):
        if self.process:
            self.process.wait(20)
            self.process.stdout.close()
