"""A run left RUNNING is shown as stale and may be ended; a write takes both back."""

import time

import pytest
from wire import metric

STALE, ENDED = "trackway.stale", "trackway.endedReason"
# The time of a run's last write is stored to within five seconds.
PATIENCE = 20


@pytest.fixture
def server(make_server):
    return make_server(TRACKING_STALE_AFTER_S=1, TRACKING_END_STALE_AFTER_S=2).start()


def wait_for(client, run_id, holds):
    """Polls a run until `holds(run)`, and gives it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        run = client.run(run_id)
        if holds(run):
            return run
        time.sleep(0.05)
    raise AssertionError(f"never came true: {client.run(run_id)}")


def assert_live(run, status="RUNNING"):
    """The server has said nothing about the run."""
    assert run["info"]["status"] == status
    assert STALE not in run["tags"] and ENDED not in run["tags"]


def test_a_silent_run_is_shown_as_stale_and_stays_running(make_server):
    client = make_server(TRACKING_STALE_AFTER_S=1).start().client()
    run_id = client.create_run()
    assert_live(client.run(run_id))
    run = wait_for(client, run_id, lambda run: STALE in run["tags"])
    assert run["tags"][STALE]
    assert run["info"]["status"] == "RUNNING" and "end_time" not in run["info"]
    client.post("runs/log-metric", run_id=run_id, **metric("m", 1.0, 0)).ok()
    assert_live(client.run(run_id))


def test_a_silent_run_is_ended_and_a_later_write_revives_it(server):
    client = server.client()
    run_id = client.create_run()
    client.post("runs/set-tag", run_id=run_id, key="mine", value="kept").ok()
    ended = wait_for(client, run_id, lambda run: run["info"]["status"] == "KILLED")
    assert ended["tags"][ENDED] and STALE not in ended["tags"]
    assert ended["info"]["end_time"] >= ended["info"]["start_time"]

    client.post("runs/log-metric", run_id=run_id, **metric("m", 1.0, 0)).ok()
    run = client.run(run_id)
    assert_live(run)
    assert "end_time" not in run["info"]
    assert run["metrics"] == {"m": 1.0} and run["tags"]["mine"] == "kept"
    wait_for(client, run_id, lambda run: run["info"]["status"] == "KILLED")


def test_an_upload_revives_a_run_that_was_ended(server):
    client = server.client()
    run_id = client.create_run()
    wait_for(client, run_id, lambda run: run["info"]["status"] == "KILLED")
    client.put_file(f"0/{run_id}/artifacts/model.bin", b"weights").ok()
    assert_live(client.run(run_id))


def test_runs_that_write_and_runs_that_ended_are_never_touched(server):
    client = server.client()
    finished, killed, busy, silent = (client.create_run() for _ in range(4))
    for run_id, status in ((finished, "FINISHED"), (killed, "KILLED")):
        client.post("runs/update", run_id=run_id, status=status, end_time=77).ok()
    step = 0
    deadline = time.monotonic() + PATIENCE
    # The busy run writes until a silent one of the same age was long ended.
    while time.monotonic() < deadline and ENDED not in client.run(silent)["tags"] or step < 60:
        client.post("runs/log-metric", run_id=busy, **metric("m", step, step)).ok()
        step += 1
        time.sleep(0.15)
        # Looked at before the next write, which would take a mark back.
        assert_live(client.run(busy))
    assert ENDED in client.run(silent)["tags"]
    for run_id, status in ((finished, "FINISHED"), (killed, "KILLED")):
        run = client.run(run_id)
        assert_live(run, status)
        assert run["info"]["end_time"] == 77
    # A write to a run that its client ended is stored and does not bring it back to life.
    client.post("runs/log-metric", run_id=killed, **metric("late", 1.0, 0)).ok()
    assert_live(client.run(killed), "KILLED")
