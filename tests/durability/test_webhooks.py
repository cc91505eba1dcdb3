"""Webhooks under kill -9 of the server and of the receiver: every event arrives, in order."""

import base64
import hashlib
import hmac
import json
import os
import random
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest
from receiver import FAIL, HANG, OK, SLOW, VANISH, Arrival, Receiver
from wire import Gone

CLIENTS, MODELS, ROUNDS = 5, 6, 6
ALIASES, STAGES = ("champion", "challenger"), ("Staging", "Production", "Archived", "None")
SECRET = "the secret"
EVENTS = [("MODEL_VERSION", "STAGE_TRANSITIONED"), ("MODEL_VERSION_ALIAS", "CREATED"),
          ("MODEL_VERSION_ALIAS", "MOVED"), ("MODEL_VERSION_ALIAS", "DELETED")]
# What a receiver does with the first attempt of a delivery; later attempts go well more often.
WEIGHTS = {OK: 80, SLOW: 8, FAIL: 6, VANISH: 4, HANG: 2}
CALM = {OK: 95, FAIL: 5}


@pytest.fixture
def receiver():
    """A receiver that misbehaves at random, killed after the test."""
    made = []

    def make(decide):
        made.append(Receiver(decide).start())
        return made[-1]

    yield make
    for one in made:
        one.kill()


def decide_by(rng):
    """Decides at random what a request gets."""

    def decide(_path, _delivery, attempt):
        weights = CALM if attempt else WEIGHTS
        return rng.choices(list(weights), weights.values())[0]

    return decide


def create_webhook(client, name, url):
    """Creates a webhook for every move of an alias or stage; gives its id."""
    events = [{"entity": entity, "action": action} for entity, action in EVENTS]
    answer = client.post("webhooks", name=name, url=url, events=events, secret=SECRET)
    return answer.ok()["webhook"]["webhook_id"]


def create_models(client):
    """Makes models with three versions each; gives their names."""
    names = [f"model-{n}" for n in range(MODELS)]
    for name in names:
        client.post("registered-models/create", name=name).ok()
        for _ in range(3):
            client.post("model-versions/create", name=name, source="s3://bucket/model").ok()
    return names


def move(client, rng, name):
    """Moves an alias or a stage; gives what was asked for."""
    version, kind = str(rng.randint(1, 3)), rng.random()
    if kind < 0.5:
        alias = rng.choice(ALIASES)
        client.post("registered-models/alias", name=name, alias=alias, version=version).ok()
        return name, "alias_set", alias, version
    if kind < 0.6:
        alias = rng.choice(ALIASES)
        body = json.dumps({"name": name, "alias": alias}).encode()
        headers = {"Content-Type": "application/json"}
        path = "/api/2.0/mlflow/registered-models/alias"
        client.send("DELETE", path, body, headers).ok()
        return name, "alias_deleted", alias, None
    stage = rng.choice(STAGES)
    client.post("model-versions/transition-stage", name=name, version=version, stage=stage,
                archive_existing_versions=stage == "Production").ok()
    return name, "stage_changed", stage, version


def move_until_gone(client, seed, names):
    """Moves again and again until the server goes away; gives how many moves it acknowledged."""
    rng, count = random.Random(seed), 0
    while True:
        try:
            move(client, rng, rng.choice(names))
        except Gone:
            return count
        count += 1
        time.sleep(rng.uniform(0.02, 0.08))


def history(client, name):
    """All entries of a model's history, the oldest first."""
    entries, token = [], ""
    while token is not None:
        path = f"/api/1.0/models/{name}/history?max_results=1000"
        page = client.send("GET", path + (f"&page_token={token}" if token else "")).ok()
        entries += page["entries"]
        token = page["next_page_token"]
    return entries[::-1]


def events_of(entry):
    """The events that an entry of the history stands for, as (event, what it is about)."""
    name, alias = entry["model_name"], entry["key"]
    version = entry["version"] and str(entry["version"])
    if entry["kind"] == "alias_set":
        told = {"name": name, "alias": alias, "version": version}
        moved = {k: entry[k] for k in ("from", "to", "generation")}
        return [("model_version_alias.created", told),
                ("model_version_alias.moved", {**told, **moved})]
    if entry["kind"] == "alias_deleted":
        return [("model_version_alias.deleted", {"name": name, "alias": alias})]
    if entry["kind"] == "stage_changed":
        told = {"name": name, "version": version, "from": entry["from"], "to": entry["to"]}
        return [("model_version.stage_transitioned", told)]
    return []


def event_of(body):
    """The same of a delivered body; who asked and why is left out."""
    who = ("actor", "reason", "request_id")
    told = {k: v for k, v in body["data"].items() if k not in who}
    return f"{body['entity']}.{body['action']}", told


def pending(client, webhook):
    """Deliveries of a webhook that are not done."""
    path = f"/api/1.0/webhooks/{webhook}/deliveries?state=pending&max_results=1"
    return client.send("GET", path).ok()["deliveries"]


def wait_until_delivered(client, webhooks, seconds):
    """Waits until nothing is pending; fails with what still is."""
    deadline = time.monotonic() + seconds
    while left := [delivery for webhook in webhooks for delivery in pending(client, webhook)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def check_arrivals(arrivals, expected):
    """Compares what came to one webhook with the events that must have come, model by model."""
    of_model = defaultdict(list)
    for arrival in arrivals:
        of_model[json.loads(arrival.body)["data"]["name"]].append(arrival)
    for name, events in expected.items():
        came = of_model.pop(name, [])
        ids = [arrival.id for arrival in came]
        runs = [a for a, b in zip(ids, [None, *ids]) if a != b]
        assert len(runs) == len(set(ids)), f"{name}: an attempt came after a later event"
        first = {arrival.id: arrival for arrival in reversed(came)}
        in_order = [event_of(json.loads(first[delivery].body)) for delivery in runs]
        assert in_order == events, name
        accepted = {arrival.id for arrival in came if arrival.did in (OK, SLOW)}
        assert accepted == set(ids), f"{name}: given up without an answer of 200"
    assert not of_model, "events of models that nobody changed"


def check_attempts(arrivals):
    """Attempts of one delivery have the same body, and each is signed."""
    bodies = {}
    for arrival in arrivals:
        assert bodies.setdefault(arrival.id, arrival.body) == arrival.body
        signed = f"{arrival.id}.{arrival.timestamp}.".encode() + arrival.body
        tag = base64.b64encode(hmac.digest(SECRET.encode(), signed, hashlib.sha256)).decode()
        assert arrival.signature == f"v1,{tag}"


SETTINGS = {
    "WEBHOOKS_ALLOWED_SCHEMES": "http", "WEBHOOKS_ALLOWED_PRIVATE_NETWORKS": "127.0.0.1",
    "WEBHOOKS_TIMEOUT_S": 1, "WEBHOOKS_QUICK_RETRIES": 100,
}


def expected_of(client, names):
    """The events that the history of each model stands for."""
    return {name: [event for entry in history(client, name) for event in events_of(entry)]
            for name in names}


def test_a_server_killed_before_any_delivery_delivers_all_when_it_runs_again(
    make_server, receiver
):
    hooks, rng = receiver(lambda *_: OK), random.Random(1)
    server = make_server(**SETTINGS).start()
    client = server.client()
    webhook = create_webhook(client, "one", f"http://127.0.0.1:{hooks.port}/one")
    names = create_models(client)
    hooks.kill()
    for _ in range(60):
        move(client, rng, rng.choice(names))
    server.kill()
    assert not hooks.arrivals
    hooks.start()
    client = server.start().client()
    wait_until_delivered(client, [webhook], 40)
    expected = expected_of(client, names)
    assert sum(map(len, expected.values())) > 60
    check_arrivals(hooks.arrivals, expected)


@pytest.mark.time_limit(90)
def test_kills_of_server_and_receiver_lose_no_event_and_keep_the_order(
    make_server, receiver, figures
):
    seed = int(os.environ.get("DURABILITY_SEED", random.randrange(2**32)))
    figures(f"webhooks: DURABILITY_SEED={seed}")
    rng = random.Random(seed)
    hooks = receiver(decide_by(random.Random(rng.getrandbits(32))))
    server = make_server(**SETTINGS).start()
    client = server.client()
    paths = {f"/{name}": create_webhook(client, name, f"http://127.0.0.1:{hooks.port}/{name}")
             for name in ("one", "two")}
    names = create_models(client)
    acknowledged = 0
    with ThreadPoolExecutor(CLIENTS) as pool:
        for number in range(ROUNDS):
            movers = [pool.submit(move_until_gone, server.client(), rng.getrandbits(32), names)
                      for _ in range(CLIENTS)]
            time.sleep(rng.uniform(0.1, 0.7))
            if number % 2:
                hooks.kill()
                time.sleep(rng.uniform(0.0, 0.3))
            server.kill()
            acknowledged += sum(mover.result() for mover in movers)
            server.start()
            if number % 2:
                hooks.start()
    started = time.monotonic()
    client = server.client()
    wait_until_delivered(client, paths.values(), 60)
    drained = time.monotonic() - started

    expected = expected_of(client, names)
    with hooks.lock:
        arrivals = list(hooks.arrivals)
    for path in paths:
        check_arrivals([a for a in arrivals if a.path == path], expected)
    check_attempts(arrivals)
    did = Counter(arrival.did for arrival in arrivals)
    assert acknowledged > ROUNDS * CLIENTS and min(did[k] for k in WEIGHTS) > 0, did
    repeated = len(arrivals) - len({arrival.id for arrival in arrivals})
    figures(f"webhooks: {ROUNDS} kills, {acknowledged} acknowledged moves, "
            f"{len(paths) * sum(map(len, expected.values()))} events, {repeated} repeated attempts, "
            f"all delivered {drained:.1f} s after the last start")


def arrival(delivery, number, did=OK):
    """An arrival of the event that the alias was moved to a version."""
    told = {"name": "m", "alias": "a", "version": str(number)}
    body = {"entity": "model_version_alias", "action": "created", "data": told}
    headers = {"X-MLflow-Delivery-Id": delivery, "X-MLflow-Timestamp": "1",
               "X-MLflow-Signature": "v1,"}
    return Arrival("/one", headers, json.dumps(body).encode(), did)


@pytest.mark.parametrize("ids, complaint", [
    (["1", "2", "2", "3"], None),
    (["1", "2 fail", "2", "3"], None),
    (["1", "3"], "m"),
    (["1", "3", "2"], "m"),
    (["1", "2", "3", "2"], "after a later event"),
    (["1", "2 fail", "3"], "without an answer of 200"),
    (["1", "2", "3", "4"], "m"),
    ([], "m"),
])
def test_the_check_sees_what_is_lost_or_out_of_order(ids, complaint):
    expected = {"m": [event_of(json.loads(arrival("", n).body)) for n in (1, 2, 3)]}
    arrivals = [arrival(text[0], text[0], FAIL if "fail" in text else OK) for text in ids]
    if complaint is None:
        check_arrivals(arrivals, expected)
        return
    with pytest.raises(AssertionError, match=complaint):
        check_arrivals(arrivals, expected)
