"""Each job has one owner; when that one is killed, another server goes on with it."""

import subprocess

import pytest
from calls import get, new_model, new_run, post
from conftest import BINARY, wait_until
from receiver import Receiver

TASKS = ["fold", "watch", "sign", "deliver", "clean", "consumers", "aged", "read uploads",
         "sweep uploads"]


@pytest.fixture
def receiver():
    """A receiver of webhooks."""
    made = Receiver()
    yield made
    made.stop()


def subscribe(url, receiver):
    """Creates a webhook for tags of registered models."""
    events = [{"entity": "REGISTERED_MODEL_TAG", "action": "SET"}]
    body = {"name": "w", "url": receiver.url, "events": events}
    return post(url, "webhooks", body)["webhook"]["webhook_id"]


def tag(url, name, value):
    """Sets a tag of a registered model, which is an event."""
    post(url, "registered-models/set-tag", {"name": name, "key": "k", "value": value})


def owner_and_other(replicas, task):
    """The server that does a job, and another one."""
    owner = wait_until(lambda: replicas.owner(task))[0]
    return owner, next(r for r in replicas.replicas if r is not owner)


def test_every_job_has_one_owner(replicas):
    for task in TASKS:
        wait_until(lambda task=task: len(replicas.owner(task)) == 1)


def test_events_go_on_in_order_when_their_owner_is_killed(replicas, receiver):
    owner, other = owner_and_other(replicas, "deliver")
    name = new_model(other.url)
    webhook = subscribe(other.url, receiver)
    receiver.slowly.set()
    sent = [str(number) for number in range(60)]
    for value in sent[:40]:
        tag(other.url, name, value)
    wait_until(lambda: len(receiver.arrivals) >= 5)
    owner.kill()
    receiver.slowly.clear()
    for value in sent[40:]:
        tag(other.url, name, value)
    wait_until(lambda: len(receiver.values()) == len(sent))
    # The order of first arrivals is that of the changes, and at most the one delivery came twice
    # that the killed server had sent and not recorded.
    assert receiver.values() == sent
    assert len(receiver.arrivals) <= len(sent) + 1
    wait_until(lambda: [d["state"] for d in get(
        other.url, f"/api/1.0/webhooks/{webhook}/deliveries", max_results=1000,
    )["deliveries"]] == ["delivered"] * len(sent))
    assert replicas.owner("deliver") == [other]


def test_no_event_comes_twice_when_its_owner_is_stopped(replicas, receiver):
    owner, other = owner_and_other(replicas, "deliver")
    name = new_model(other.url)
    subscribe(other.url, receiver)
    receiver.slowly.set()
    sent = [str(number) for number in range(50)]
    for value in sent[:30]:
        tag(other.url, name, value)
    wait_until(lambda: len(receiver.arrivals) >= 3)
    owner.terminate()
    for value in sent[30:]:
        tag(other.url, name, value)
    assert owner.process.wait(60) == 0
    receiver.slowly.clear()
    wait_until(lambda: len(receiver.arrivals) >= len(sent))
    wait_until(lambda: replicas.owner("deliver") == [other])
    assert [value for _, value in receiver.arrivals] == sent


def test_folding_and_signing_move_to_the_server_that_is_left(replicas):
    owner, other = owner_and_other(replicas, "fold")
    before = other.figure("trackway_job_takeovers_total", task="fold")
    owner.kill()
    wait_until(lambda: replicas.owner("fold") == [other] and replicas.owner("sign") == [other])
    assert other.figure("trackway_job_takeovers_total", task="fold") == before + 1
    run_id, _ = new_run(other.url)
    for step in range(70):
        point = {"run_id": run_id, "key": "a", "value": step, "timestamp": 1, "step": step}
        post(other.url, "runs/log-metric", point)
    turns = other.figure("trackway_job_turns_total", task="fold")
    wait_until(lambda: other.figure("trackway_job_turns_total", task="fold") > turns + 1)
    history = get(other.url, "metrics/get-history", run_id=run_id, metric_key="a")["metrics"]
    assert [point["step"] for point in history] == list(range(70))
    wait_until(lambda: other.figure("trackway_audit_signed_entries")
               == other.figure("trackway_audit_entries"))


def test_the_audit_log_of_both_proves_itself(replicas):
    for replica in replicas.replicas * 2:
        new_model(replica.url, versions=1)
    verified = subprocess.run(
        [str(BINARY), "audit", "verify", "--url", replicas.url],
        capture_output=True, text=True, timeout=60, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
