"""A PostgreSQL of a test's own with a streaming standby, on free ports; deleted at the end."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from replica_set import free_port


class Cluster:
    """A primary and, after `add_standby`, its standby."""

    def __init__(self):
        """Makes and starts the primary; its commits reach the log before they are acknowledged."""
        self.programs = Path(os.environ["TRACKWAY_TEST_PSQL"]).parent
        self.home = Path(tempfile.mkdtemp(prefix="cluster-"))
        self.as_user = []
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(self.home, "postgres", "postgres")
        self.primary, self.standby = free_port(), free_port()
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                  "--no-sync", "-D", self.home / "p")
        self._start("p", self.primary)

    def add_standby(self):
        """Copies the primary and starts the copy as its standby."""
        self._run("pg_basebackup", "-h", "127.0.0.1", "-p", self.primary, "-U", "postgres",
                  "-D", self.home / "s", "-R", "-X", "stream", "-C", "-S", "standby",
                  "-c", "fast", "--no-sync")
        self._start("s", self.standby)

    def _start(self, name, port):
        options = (f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= "
                   "-c fsync=off -c full_page_writes=off -c max_connections=100")
        self._run("pg_ctl", "-w", "-s", "-t", "60", "-o", options, "-l", self.home / f"{name}.log",
                  "-D", self.home / name, "start")

    def start_standby(self):
        """Starts the standby again."""
        self._start("s", self.standby)

    def stop_standby(self):
        """Stops the standby at once."""
        self._run("pg_ctl", "-m", "immediate", "-w", "-s", "-D", self.home / "s", "stop")

    def url(self, port, database="postgres"):
        """The URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{port}/{database}"

    def ask(self, port, sql, database="postgres"):
        """The answer to a statement, as text."""
        done = subprocess.run(
            [str(self.programs / "psql"), "-q", "-A", "-t", "-d", self.url(port, database),
             "-c", sql], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def stop(self):
        """Stops both and deletes their files."""
        for name in ("s", "p"):
            if (self.home / name / "postmaster.pid").exists():
                self._run("pg_ctl", "-m", "immediate", "-w", "-s", "-D", self.home / name, "stop")
        shutil.rmtree(self.home, ignore_errors=True)

    def _run(self, program, *arguments):
        command = [*self.as_user, str(self.programs / program), *map(str, arguments)]
        # The server inherits the outputs, so that they must not be pipes.
        with tempfile.TemporaryFile() as out:
            done = subprocess.run(command, cwd="/", stdout=out, stderr=out, check=False,
                                  env={**os.environ, "LC_ALL": "C.UTF-8"})
            out.seek(0)
            assert done.returncode == 0, (command, out.read().decode(errors="replace"))
