"""An S3 server of one's own: SeaweedFS, from the locked environment, on free ports.

As a program it runs a command with the server beside it, and ends both:
`python s3_server.py COMMAND ..`. The command finds the bucket in `TRACKWAY_TEST_ARTIFACTS`.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3
from botocore.config import Config

BUCKET = "trackway"
START_SECONDS = 60
# Each service listens twice: for gRPC at its port plus this.
GRPC = 10_000


class S3Server:
    """A running server: `variables` of the environment lead clients to it."""

    def __init__(self):
        """Starts it, and waits until it stores an object; RuntimeError with its log if it fails."""
        self.home = Path(tempfile.mkdtemp(prefix="s3-server-"))
        port = _free_ports(5)
        self.variables = {
            "AWS_ACCESS_KEY_ID": "TESTACCESSKEY",
            "AWS_SECRET_ACCESS_KEY": "testsecretkey0123456789",
            "AWS_DEFAULT_REGION": "us-east-1",
            "MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }
        self.client = boto3.client(
            "s3",
            endpoint_url=self.variables["MLFLOW_S3_ENDPOINT_URL"],
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
            config=Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=10),
        )
        weed = Path(sys.executable).parent / "weed"
        command = [
            str(weed), "mini", f"-dir={self.home}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-s3.port={port}", f"-master.port={port + 1}", f"-volume.port={port + 2}",
            f"-filer.port={port + 3}", f"-admin.port={port + 4}", "-admin.ui=false",
            "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-metricsPort=0",
            "-master.telemetry=false", f"-bucket={BUCKET}",
        ]
        self.log = self.home / "server.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, cwd=self.home,
                env={**os.environ, **self.variables}, start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self):
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                self.client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
                return
            except Exception as error:
                if self.process.poll() is not None or time.monotonic() > until:
                    tail = self.log.read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"the S3 server does not start: {error}\n{tail}") from error
            time.sleep(0.2)

    def stop(self):
        """Ends the server by its process id, and deletes its files."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=15)
        shutil.rmtree(self.home, ignore_errors=True)


def _free_ports(count):
    """The first of `count` ports in a row that nobody listens on, nor on those for gRPC."""
    for _ in range(100):
        first = random.randrange(20_000, 30_000)
        wanted = [port + more for port in range(first, first + count) for more in (0, GRPC)]
        if all(_is_free(port) for port in wanted):
            return first
    raise RuntimeError("no free ports were found for the S3 server")


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def main():
    """Runs the command of the command line beside a server, and gives its exit status."""
    server = S3Server()
    place = {"TRACKWAY_TEST_ARTIFACTS": f"s3://{BUCKET}/tests"}
    try:
        return subprocess.run(
            sys.argv[1:], env={**os.environ, **server.variables, **place}, check=False
        ).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
