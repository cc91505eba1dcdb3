"""A PostgreSQL of one's own on a real disk, and a streaming standby of it, for the suites that stop them."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from replica_set import free_port

WAIT_SECONDS = 60
OPTIONS = ("-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=100 "
           "-c shared_buffers=32MB")


def programs():
    """The folder of the newest PostgreSQL that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"),
                   key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    if not there:
        raise LookupError("PostgreSQL is not installed; install the package postgresql")
    return Path(there).parent


class Cluster:
    """One server of PostgreSQL: of its own, or a standby of `primary`.

    It refuses to run as root, who starts it as `postgres`.
    """

    def __init__(self, primary=None):
        self.home = Path(tempfile.mkdtemp(prefix="cluster-"))
        if os.geteuid() == 0:
            shutil.chown(self.home, "postgres", "postgres")
        self.port = free_port()
        try:
            self._make(primary)
            self.start()
        except BaseException:
            self.remove()
            raise

    def start(self):
        """Starts it and waits until it answers."""
        self.run("pg_ctl", "-D", self.data, "-w", "-s", "-t", WAIT_SECONDS, "-l", self.home / "log",
                 "-o", f"{OPTIONS} -c port={self.port}", "start")

    def stop(self, how="fast"):
        """Stops it: `fast` ends the sessions, `immediate` is as good as a crash."""
        self.run("pg_ctl", "-D", self.data, "-w", "-s", "-t", WAIT_SECONDS, "-m", how, "stop")

    def promote(self):
        """Makes a replica the primary."""
        self.run("pg_ctl", "-D", self.data, "-w", "-s", "-t", WAIT_SECONDS, "promote")

    def url(self, database="postgres"):
        """The URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def ask(self, sql):
        """The rows of a query, each a list of texts."""
        out = self.run("psql", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-XAtq",
                       "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", sql)
        return [line.split("\t") for line in out.splitlines()]

    def follow_synchronously(self, replica):
        """Acknowledges from now on only what the replica has on its disk too."""
        self.ask("alter system set synchronous_standby_names = '*'")
        self.ask("select pg_reload_conf()")
        until = time.monotonic() + WAIT_SECONDS
        while self.ask("select sync_state from pg_stat_replication") != [["sync"]]:
            assert time.monotonic() < until, f"the replica at {replica.port} does not follow"
            time.sleep(0.1)

    def remove(self):
        """Ends it, and deletes its files."""
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def data(self):
        """The data directory."""
        return self.home / "data"

    def run(self, name, *arguments):
        """Runs a program of PostgreSQL and gives what it prints."""
        command = [programs() / name, *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            # A server that is started keeps what it inherits open, so that pipes would never end.
            done = subprocess.run([str(part) for part in command], stdout=out, stderr=err,
                                  cwd="/", env={**os.environ, "LC_ALL": "C.UTF-8"}, check=False)
            out.seek(0)
            err.seek(0)
            assert done.returncode == 0, (name, arguments, err.read()[-2000:])
            return out.read().decode()

    def _make(self, primary):
        if primary:
            self.run("pg_basebackup", "-h", "127.0.0.1", "-p", primary.port, "-U", "postgres",
                     "-D", self.data, "-R", "-X", "stream", "-c", "fast",
                     # While the standby is stopped, the primary keeps what it will need.
                     "-C", "-S", f"standby_{self.port}")
        else:
            self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                     "--locale=C.UTF-8", "--no-sync")
