"""What is begun at one server goes on at another, and what two are asked at once has one outcome."""

import threading
from concurrent.futures import ThreadPoolExecutor

import requests
from calls import get, new_model, new_run, post, put_file, unique
from conftest import wait_until

MIB = 1024 * 1024


def test_aliases_moved_by_both_have_one_winner_a_generation(replicas):
    name = new_model(replicas.url, versions=4)
    urls = [replica.url for replica in replicas.replicas]
    gate = threading.Barrier(8)

    def move(number):
        gate.wait(30)
        for turn in range(10):
            body = {"name": name, "alias": "champion", "version": str(1 + (number + turn) % 4)}
            post(urls[(number + turn) % 2], "registered-models/alias", body)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(move, range(8)))
    entries = get(urls[0], f"/api/1.0/models/{name}/history", max_results=1000)["entries"]
    moves = [e for e in reversed(entries) if e["kind"] in ("alias_set", "alias_moved")
             or "alias" in e["kind"]]
    generations = [e["generation"] for e in moves]
    assert generations == sorted(set(generations)), generations
    # Each move begins where the one before it ended.
    for before, after in zip(moves, moves[1:], strict=False):
        assert after["from"] == before["to"], (before, after)
    now = [get(url, "registered-models/alias", name=name, alias="champion") for url in urls]
    assert [n["model_version"]["version"] for n in now] == [moves[-1]["to"]] * 2


def test_names_created_at_both_at_once_exist_once(replicas):
    urls = [replica.url for replica in replicas.replicas]
    for _ in range(10):
        body = {"name": unique("once")}
        gate = threading.Barrier(2)

        def create(url, body=body, gate=gate):
            gate.wait(30)
            return requests.post(
                f"{url}/api/2.0/mlflow/experiments/create", json=body, timeout=60)

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(create, urls))
        assert sorted(a.status_code for a in answers) == [200, 400]
        refused = next(a for a in answers if a.status_code == 400)
        assert refused.json()["error_code"] == "RESOURCE_ALREADY_EXISTS"


def test_uploads_at_one_and_registrations_at_the_other_agree(replicas):
    one, other = (replica.url for replica in replicas.replicas)
    name = new_model(one)
    for turn in range(6):
        uploading, registering = (one, other) if turn % 2 else (other, one)
        run_id, folder = new_run(one)
        assert put_file(one, f"{folder}/model/weights", b"-") == 200
        accepted = []

        def upload(url=uploading, folder=folder, accepted=accepted):
            for number in range(200):
                content = str(number).encode()
                status = put_file(url, f"{folder}/model/weights", content)
                if status == 409:
                    return
                assert status == 200, status
                accepted.append(content)

        thread = threading.Thread(target=upload)
        thread.start()
        source = {"name": name, "source": f"runs:/{run_id}/model", "run_id": run_id}
        made = post(registering, "model-versions/create", source)["model_version"]
        thread.join(60)
        assert not thread.is_alive()
        about = f"/api/1.0/models/{name}/versions/{made['version']}"
        kept = requests.get(
            f"{one}/api/2.0/mlflow-artifacts/artifacts/{folder}/model/weights", timeout=60)
        assert kept.content == (accepted or [b"-"])[-1]
        assert post(other, f"{about}/verify", {})["result"] == "intact"


def test_an_upload_in_parts_begins_at_one_server_and_ends_at_the_other(replicas):
    one, other = (replica.url for replica in replicas.replicas)
    _, folder = new_run(one)
    parts = [b"a" * (5 * MIB), b"the end"]
    base = "/api/2.0/mlflow-artifacts/mpu"
    path = f"{folder}/big"
    begun = post(one, f"{base}/create/{path}", {"path": f"{path}/f.bin", "num_parts": 2})
    sent = []
    for credential, content in zip(begun["credentials"], parts, strict=True):
        answer = requests.put(
            credential["url"], data=content, headers=credential.get("headers") or {}, timeout=60)
        assert answer.status_code == 200
        sent.append({"part_number": credential["part_number"], "etag": answer.headers["ETag"]})
    post(other, f"{base}/complete/{path}",
         {"path": f"{path}/f.bin", "upload_id": begun["upload_id"], "parts": sent})
    got = requests.get(
        f"{one}/api/2.0/mlflow-artifacts/artifacts/{path}/f.bin", timeout=60).content
    assert got == b"".join(parts)


def test_who_waits_at_one_server_is_woken_by_a_change_at_the_other(replicas):
    one, other = (replica.url for replica in replicas.replicas)
    name = new_model(one, versions=2)
    alias = {"name": name, "alias": "champion", "version": "1"}
    post(one, "registered-models/alias", alias)
    uri = f"models:/{name}@champion"
    first = requests.get(f"{one}/api/1.0/resolve", params={"uri": uri}, timeout=30)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(
            requests.get, f"{one}/api/1.0/resolve", params={"uri": uri, "wait": 60},
            headers={"If-None-Match": first.headers["ETag"]}, timeout=90)
        wait_until(lambda: replicas.replicas[0].figure("trackway_follow_waiting") == 1)
        post(other, "registered-models/alias", {**alias, "version": "2"})
        woken = waiting.result(timeout=90)
    assert (woken.status_code, woken.json()["version"]) == (200, "2")


def test_a_server_that_is_stopped_loses_no_request(replicas):
    run_id, _ = new_run(replicas.url)
    stop = threading.Event()
    counts = {}

    def log(number):
        session = requests.Session()
        done = 0
        while not stop.is_set():
            point = {"run_id": run_id, "key": f"k{number}", "value": done, "timestamp": 1,
                     "step": done}
            answer = session.post(
                f"{replicas.url}/api/2.0/mlflow/runs/log-metric", json=point, timeout=60)
            assert answer.status_code == 200, answer.text
            done += 1
            counts[number] = done

    leaving = replicas.replicas[0]
    with ThreadPoolExecutor(4) as pool:
        logging = [pool.submit(log, number) for number in range(4)]
        wait_until(lambda: len(counts) == 4)
        leaving.terminate()
        try:
            assert leaving.process.wait(60) == 0
        finally:
            stop.set()
        for one in logging:
            one.result(60)
    left = replicas.replicas[1].url
    for number, done in counts.items():
        history = get(left, "metrics/get-history", run_id=run_id, metric_key=f"k{number}")
        assert len(history["metrics"]) == done
