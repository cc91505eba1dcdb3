"""What the server takes of the machine: memory for large files and at rest, time to start."""

import hashlib
import http.client
import shutil
import socket
import statistics
import subprocess
import time

import pytest
from process import binary
from runs_database import insert_runs
from wire import FILES

GIB = 1024**3
CHUNK = 1024**2
IDLE_LIMIT_MIB = 40
GROWTH_LIMIT_MIB = 64


def content(size):
    """Yields `size` bytes in chunks that differ from each other."""
    for number in range(size // CHUNK):
        yield number.to_bytes(8, "little") + bytes(CHUNK - 8)


def upload(port, path, size):
    """Uploads generated content of a known length."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Length": str(size)}
    connection.request("PUT", f"{FILES}/{path}", content(size), headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()


def download(port, path):
    """Downloads a file and gives its size and SHA-256."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"{FILES}/{path}")
    answer = connection.getresponse()
    assert answer.status == 200
    size, digest = 0, hashlib.sha256()
    while chunk := answer.read(CHUNK):
        size += len(chunk)
        digest.update(chunk)
    connection.close()
    return size, digest.hexdigest()


@pytest.mark.time_limit(180)
def test_two_gib_up_and_down_grow_the_memory_by_less_than_64_mib(make_server, tmp_path, figures):
    size = 2 * GIB
    if shutil.disk_usage(tmp_path).free < 2 * size:
        pytest.skip("less than 4 GiB of disk are free")
    server = make_server().start()
    client = server.client()
    run_id = client.create_run()
    client.run(run_id)
    expected = hashlib.sha256()
    for chunk in content(size):
        expected.update(chunk)

    before = server.memory("VmRSS")
    path = f"0/{run_id}/artifacts/large.bin"
    upload(server.port, path, size)
    after_upload = server.memory("VmHWM") - before
    assert download(server.port, path) == (size, expected.hexdigest())
    after_both = server.memory("VmHWM") - before
    recorded = server.ask_database("select size, sha256 from artifacts where path = ?", path)
    assert recorded == [(size, expected.hexdigest())]
    figures(f"memory: {before:.1f} MiB before, +{after_upload:.1f} MiB at most during a 2 GiB "
            f"upload, +{after_both:.1f} MiB with the download")
    assert after_both < GROWTH_LIMIT_MIB
    (server.data_dir / "artifacts" / path).unlink()


def test_an_idle_server_takes_less_than_40_mib(make_server, figures):
    server = make_server().start()
    server.client().send("GET", "/health")
    idle = server.memory("VmRSS")
    figures(f"memory: {idle:.1f} MiB idle after the start")
    assert idle < IDLE_LIMIT_MIB


def seconds_to_health(server):
    """Starts the binary and measures until `/health` answers 200."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(binary()), "server", "--data-dir", str(server.data_dir), "--port", str(port)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=server.environment())
    try:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", "/health")
                assert connection.getresponse().status == 200
                return time.perf_counter() - started
            except ConnectionError:
                assert process.poll() is None and time.perf_counter() - started < 30
                time.sleep(0.001)
            finally:
                connection.close()
    finally:
        process.kill()
        process.wait()


@pytest.mark.time_limit(120)
def test_a_server_starts_on_100_000_runs_and_stays_small(make_server, figures):
    server = make_server().start()
    server.stop()
    run_ids = insert_runs(server.database_path, 100_000)
    size = server.database_path.stat().st_size / 1024**2
    times = [seconds_to_health(server) * 1000 for _ in range(5)]
    figures(f"cold start: median {statistics.median(times):.0f} ms of 5 on 100,000 runs "
            f"({size:.0f} MiB), {min(times):.0f} to {max(times):.0f} ms")
    server.start()
    client = server.client()
    assert client.send("GET", "/health").status == 200
    for run_id in run_ids:
        run = client.run(run_id)
        assert run["info"]["status"] == "FINISHED"
        assert set(run["metrics"]) == {"loss", "accuracy", "f1"}
        assert run["params"]["learning_rate"]
    idle = server.memory("VmRSS")
    figures(f"memory: {idle:.1f} MiB after the start on 100,000 runs and three reads")
    assert idle < IDLE_LIMIT_MIB
