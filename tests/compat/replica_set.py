"""Several Trackway servers on one PostgreSQL and one S3, behind haproxy without sticky sessions.

`HAPROXY` names the program. It knows no test: it starts, kills and stops.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import requests

START_SECONDS = 60
# The health checks of the balancer take a server out within this time after it says it stops.
DRAIN_S = 2


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def new_database():
    """Makes an empty database beside the one that TRACKWAY_TEST_DATABASE names; gives its URL."""
    name = f"compat_{uuid.uuid4().hex}"
    url = os.environ["TRACKWAY_TEST_DATABASE"]
    admin = os.environ.get("TRACKWAY_TEST_ADMIN") or url
    psql = os.environ.get("TRACKWAY_TEST_PSQL", "psql")
    subprocess.run([psql, "-q", "-d", admin, "-c", f"create database {name}"], check=True)
    server, _, _ = url.rpartition("/")
    return f"{server}/{name}"


class Replica:
    """One server: `url`, and its life."""

    def __init__(self, home, command, environment, prefix=""):
        self.home = Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.alive = f"{self.url}{prefix}/health"
        self.log = self.home / "server.log"
        self.process = None
        self.environment = environment
        self.command = [*command, "--data-dir", str(self.home / "data"),
                        "--host", "127.0.0.1", "--port", str(self.port)]

    def start(self):
        """Starts it, without waiting until it serves."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, stdout=out, stderr=subprocess.STDOUT, cwd=self.home,
                env=self.environment, start_new_session=True)

    def wait(self):
        """Waits until it serves; RuntimeError with the end of its log if it does not."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if requests.get(self.alive, timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"a replica does not serve:\n{self.tail()}")

    def kill(self):
        """Ends it as kill -9 does."""
        if self.is_running():
            self.process.kill()
            self.process.wait(20)

    def terminate(self):
        """Asks it to stop."""
        self.process.send_signal(signal.SIGTERM)

    def is_running(self):
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def figure(self, name, **labels):
        """A figure of its page of metrics; None where it is not there."""
        wanted = "".join(f'{key}="{value}"' for key, value in labels.items())
        page = requests.get(f"{self.url}/metrics", timeout=30).text
        found = re.search(rf"^{name}{re.escape('{' + wanted + '}') if wanted else ''} (\S+)$",
                          page, re.MULTILINE)
        return float(found.group(1)) if found else None

    def tail(self, lines=40):
        """Last lines of its log."""
        there = self.log.exists()
        text = self.log.read_text(errors="replace") if there else ""
        return "\n".join(text.splitlines()[-lines:])


class ReplicaSet:
    """The servers and the balancer: requests go round, each to the next server."""

    def __init__(self, binary, count, extra=(), environment=None, prefix=""):
        """Starts all at once on an empty database of their own, and waits until all serve.

        `environment` is that of the servers, the way to the S3 server in it; `prefix` their
        static prefix.
        """
        self.home = Path(tempfile.mkdtemp(prefix="replicas-"))
        self.database = new_database()
        name = self.database.rpartition("/")[2]
        # Settings may name the database, which is not known before.
        environment = {k: v.replace("/NAME", f"/{name}") if k.endswith("_URL") else v
                       for k, v in (environment or {}).items()}
        command = [str(binary), "server", "--backend-store-uri", self.database,
                   "--drain", str(DRAIN_S), *extra]
        self.replicas = [Replica(self.home / str(number), command, environment, prefix)
                         for number in range(count)]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        try:
            for replica in self.replicas:
                replica.start()
            for replica in self.replicas:
                replica.wait()
            self._balance(prefix)
        except BaseException:
            self.stop()
            raise

    def _balance(self, prefix):
        servers = "\n".join(
            f"    server s{number} 127.0.0.1:{replica.port} check"
            for number, replica in enumerate(self.replicas))
        settings = self.home / "haproxy.cfg"
        # A request that no server has begun to answer goes to another one: haproxy sends it again
        # only when the connection was refused.
        settings.write_text(f"""\
global
    maxconn 4000
    tune.bufsize 131072
    tune.maxrewrite 8192
defaults
    mode http
    maxconn 4000
    timeout connect 5s
    timeout client 330s
    timeout server 330s
    timeout http-request 30s
    retries 3
    option redispatch 1
    option accept-invalid-http-request
listen trackway
    bind 127.0.0.1:{self.port}
    balance roundrobin
    option httpchk GET {prefix}/ready
    default-server inter 250ms fall 1 rise 1
{servers}
""")
        haproxy = os.environ.get("HAPROXY", "haproxy")
        self.log = self.home / "haproxy.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [haproxy, "-db", "-f", str(settings)], stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if requests.get(f"{self.url}{prefix}/health", timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"haproxy does not serve:\n{self.log.read_text(errors='replace')}")

    def owner(self, task):
        """The servers that say they do a job at this moment; one, but for a take-over."""
        running = [replica for replica in self.replicas if replica.is_running()]
        return [r for r in running if r.figure("trackway_job_owned", task=task) == 1]

    def tail(self, lines=40):
        """Last lines of all logs."""
        return "\n".join(f"replica {number}:\n{replica.tail(lines)}"
                         for number, replica in enumerate(self.replicas))

    def stop(self):
        """Ends all by their process ids, and deletes their files."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        for replica in self.replicas:
            replica.kill()
        shutil.rmtree(self.home, ignore_errors=True)
