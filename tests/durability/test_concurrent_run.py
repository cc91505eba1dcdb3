"""Many clients that write to one run, or name one dataset, at the same moment."""

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from wire import metric

CLIENTS = 64
BATCHES = 8
KEYS = [f"key/{n}" for n in range(40)]
START = 1_700_000_000_000


def log_shuffled(server, run_id, client_number):
    """Logs batches whose keys come in an order of this client's own."""
    rng = random.Random(client_number)
    client = server.client()
    for batch in range(BATCHES):
        keys = rng.sample(KEYS, len(KEYS))
        step = batch * CLIENTS + client_number
        name = f"{client_number}/{batch}"
        client.post(
            "runs/log-batch",
            run_id=run_id,
            metrics=[metric(key, step, step, START + step) for key in keys],
            params=[{"key": f"{key}/{name}", "value": name} for key in keys[:3]],
            tags=[{"key": key, "value": name} for key in keys],
        ).ok()
        client.post("runs/log-metric", run_id=run_id, **metric("one", step, step)).ok()


def test_64_clients_with_shuffled_keys_lose_no_point(make_server):
    server = make_server(TRACKING_FOLD_AFTER_SEGMENTS=16, TRACKING_FOLD_INTERVAL_MS=50).start()
    client = server.client()
    run_id = client.create_run()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda n: log_shuffled(server, run_id, n), range(CLIENTS)))
    steps = list(range(CLIENTS * BATCHES))
    for key in [*KEYS, "one"]:
        points = client.history(run_id, key)
        assert sorted(p["step"] for p in points) == steps, key
        assert all(p["value"] == p["step"] for p in points)
    run = client.run(run_id)
    assert run["metrics"] == dict.fromkeys([*KEYS, "one"], steps[-1])
    assert len(run["params"]) == 3 * len(steps)
    assert set(KEYS) <= set(run["tags"])


@pytest.mark.parametrize("runs", [1, 4], ids=["one run", "a run each"])
def test_four_clients_that_log_one_new_dataset_at_once_all_succeed(make_server, runs):
    server = make_server().start()
    run_ids = [server.client().create_run() for _ in range(runs)]
    barrier = Barrier(4)

    def log(number):
        client = server.client()
        answers = []
        for trial in range(50):
            dataset = {"name": f"data-{trial}", "digest": f"d{trial}", "source_type": "local",
                       "source": "{}"}
            tags = [{"key": "mlflow.data.context", "value": "training"}]
            barrier.wait(30)
            answers.append(client.post(
                "runs/log-inputs",
                run_id=run_ids[number % runs],
                datasets=[{"dataset": dataset, "tags": tags}],
            ))
        return answers

    with ThreadPoolExecutor(4) as pool:
        for answers in pool.map(log, range(4)):
            assert [answer.status for answer in answers] == [200] * 50
    expected = {f"data-{trial}" for trial in range(50)}
    for run_id in run_ids:
        run = server.client().get("runs/get", run_id=run_id).ok()["run"]
        logged = [i["dataset"]["name"] for i in run["inputs"]["dataset_inputs"]]
        assert len(logged) == 50 and set(logged) == expected
