"""Starts and stops the servers the suite talks to: a Trackway binary or MLflow's own server.

It never picks a server by itself: the caller says which kind, or the environment does
(`TRACKWAY_BIN`, `COMPAT_SERVER`, see README.md).
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import requests

TRACKWAY, MLFLOW = "trackway", "mlflow"
# MLflow's server imports for half a minute on a small machine; Trackway answers in well under one.
START_SECONDS = {TRACKWAY: 20, MLFLOW: 150}
# Webhooks may lead to receivers on this machine, and MLflow's server sees a new one at once.
RECEIVERS = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_CACHE_TTL": "0",
}
# Made absolute at once: tests change the working directory.
BINARY = Path(os.environ["TRACKWAY_BIN"]).resolve() if os.environ.get("TRACKWAY_BIN") else None


# A PostgreSQL that Trackway is to use: each server gets a database of its own there.
DATABASE = os.environ.get("TRACKWAY_TEST_DATABASE", "")


# How many replicas behind a balancer stand for each server; 0 for one process without a balancer.
REPLICAS = int(os.environ.get("TRACKWAY_TEST_REPLICAS") or 0)
# The S3 server of all replicas; started when it is first needed.
_stores = []


class Server:
    """One running server: `kind`, base `url`, and the tail of what it logged."""

    def __init__(self, kind, url, process=None, log=None, data_dir=None):
        self.kind = kind
        self.url = url
        self.process = process
        self.log = log
        self.data_dir = data_dir

    @property
    def port(self):
        """TCP port of the server."""
        return int(self.url.rsplit(":", 1)[1])

    def tail(self, lines=40):
        """Last `lines` lines of the server's output; empty for a server we did not start."""
        if self.log is None or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self):
        """Ends the process we started, and its children, by process id; deletes its files."""
        if self.process is None:
            return
        if self.process.poll() is None:
            group = os.getpgid(self.process.pid)
            os.killpg(group, signal.SIGTERM)
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(group, signal.SIGKILL)
                self.process.wait(timeout=15)
        shutil.rmtree(self.data_dir, ignore_errors=True)


class Replicas:
    """Several servers behind a balancer, used as if they were one."""

    def __init__(self, replicas):
        self.kind = TRACKWAY
        self.replicas = replicas
        self.url = replicas.url
        self.data_dir = replicas.home

    @property
    def port(self):
        """TCP port of the balancer."""
        return self.replicas.port

    def tail(self, lines=40):
        """Last lines of the output of each server."""
        return self.replicas.tail(lines)

    def stop(self):
        """Ends all processes."""
        self.replicas.stop()


def _start_replicas(extra, settings, prefix):
    # Its libraries are in the newer environment alone.
    import replica_set
    from s3_server import BUCKET, S3Server

    if not _stores:
        _stores.append(S3Server())
    place = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    flags = [] if "--artifacts-destination" in extra else ["--artifacts-destination", place]
    environment = {**_environment({}), **_stores[0].variables, **settings}
    environment = {name: value for name, value in environment.items() if value is not None}
    made = replica_set.ReplicaSet(BINARY, REPLICAS, [*flags, *extra], environment, prefix)
    return Replicas(made)


def stop_stores():
    """Ends the S3 server of the replicas, if there is one."""
    while _stores:
        _stores.pop().stop()


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def selected():
    """What the environment asks for: (kind, url of a running server or None)."""
    choice = os.environ.get("COMPAT_SERVER", "")
    attached = re.fullmatch(rf"({TRACKWAY}|{MLFLOW})@(http://[^/]+)/?", choice)
    if attached:
        return attached.group(1), attached.group(2)
    if choice == MLFLOW:
        return MLFLOW, None
    if choice in ("", TRACKWAY) and BINARY:
        return TRACKWAY, None
    raise LookupError(
        "set TRACKWAY_BIN to a Trackway binary, or COMPAT_SERVER to 'mlflow', 'mlflow@http://..' "
        f"or 'trackway@http://..' (COMPAT_SERVER is {choice!r})"
    )


def start(kind, extra=(), prefix="", settings=None):
    """Starts a server of `kind` on a free port with `extra` options; waits until it is healthy.

    `prefix` is the static prefix under which its health check lives; `settings` are variables of
    its environment, None for one that is left out. Raises RuntimeError with the
    end of the server's log if it exits or is not healthy in time.
    """
    if kind == TRACKWAY and REPLICAS:
        return _start_replicas(extra, settings or {}, prefix)
    port = free_port()
    home = Path(tempfile.mkdtemp(prefix=f"compat-{kind}-"))
    log = home / "server.log"
    command = _command(kind, port, home) + list(extra)
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, cwd=home,
            env=_environment(settings or {}),
            start_new_session=True,
        )
    server = Server(kind, f"http://127.0.0.1:{port}", process, log, home)
    try:
        _wait_until_healthy(server, prefix)
    except BaseException:
        # A test that hits its time limit here must not leave the process behind.
        server.stop()
        raise
    return server


def _command(kind, port, home):
    address = ["--host", "127.0.0.1", "--port", str(port)]
    if kind == TRACKWAY:
        if not BINARY or not BINARY.is_file():
            raise LookupError(f"TRACKWAY_BIN must name the binary to start, not {BINARY}")
        database = ["--backend-store-uri", _new_database()] if DATABASE else []
        return [str(BINARY), "server", "--data-dir", str(home / "data"), *database, *address]
    return [
        sys.executable, "-m", "mlflow", "server",
        "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}",
        "--artifacts-destination", str(home / "artifacts"),
        "--workers", "1", *address,
    ]


def _new_database():
    """Makes an empty database beside the one that TRACKWAY_TEST_DATABASE names; gives its URL."""
    name = f"compat_{uuid.uuid4().hex}"
    admin = os.environ.get("TRACKWAY_TEST_ADMIN") or DATABASE
    psql = os.environ.get("TRACKWAY_TEST_PSQL", "psql")
    subprocess.run([psql, "-q", "-d", admin, "-c", f"create database {name}"], check=True)
    server, _, _ = DATABASE.rpartition("/")
    return f"{server.replace('postgresql://', 'postgresql+psycopg2://')}/{name}"


def _environment(settings):
    ours = ("MLFLOW_", "_MLFLOW_", "TRACKWAY_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
    made = {**kept, **quiet, **RECEIVERS, **settings}
    return {name: value for name, value in made.items() if value is not None}


def _wait_until_healthy(server, prefix):
    deadline = time.monotonic() + START_SECONDS[server.kind]
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"the {server.kind} server ended at start:\n{server.tail()}")
        try:
            if requests.get(f"{server.url}{prefix}/health", timeout=5).status_code == 200:
                return
        except requests.RequestException:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"the {server.kind} server was not healthy in time:\n{server.tail()}")
