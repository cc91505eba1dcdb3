"""Many writers at once: no error, and every point is there afterwards."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from support import points, unique

T0 = 1_600_000_000_000


def together(count, work):
    """Runs `work(n)` in `count` threads that start at one moment; gives results, raises errors."""
    gate = threading.Barrier(count)

    def one(n):
        gate.wait(timeout=30)
        return work(n)

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(one, n) for n in range(count)]]


@pytest.mark.time_limit(200)
def test_two_hundred_trials_at_once_lose_nothing(client, experiment):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with mlflow.start_run(run_name="study") as study_run:
        parent = study_run.info.run_id

    def objective(trial):
        x = trial.suggest_float("x", -10, 10)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        with mlflow.start_run(run_name=f"trial {trial.number}", nested=True, parent_run_id=parent):
            mlflow.log_params({"x": x, "kind": kind, "number": trial.number})
            for step in range(20):
                mlflow.log_metric("loss", trial.number + step / 100, step=step)
        return (x - 2) ** 2

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=200, n_jobs=200)
    trials = client.search_runs(
        [experiment], f"tags.`mlflow.parentRunId` = '{parent}'", max_results=1000
    )
    assert sorted(int(t.data.params["number"]) for t in trials) == list(range(200))
    assert {t.info.status for t in trials} == {"FINISHED"}
    tried = {t.number: t.params for t in study.trials}
    for trial in trials:
        number = int(trial.data.params["number"])
        assert trial.data.params["x"] == str(tried[number]["x"])
        assert trial.data.metrics == {"loss": number + 0.19}
        read = [(s, v) for s, _, v in points(client, trial.info.run_id, "loss")]
        assert sorted(read) == [(step, number + step / 100) for step in range(20)]


@pytest.mark.mlflow2
@pytest.mark.trackway_only("answers some writers of one param, or without a connection, with 400")
@pytest.mark.time_limit(120)
def test_sixty_four_threads_log_to_one_run_with_shuffled_keys(client, server, run_id):
    keys = [f"key {n:02}" for n in range(40)]

    def write(thread):
        own = MlflowClient(server.url)
        rng = random.Random(thread)
        for step in range(3):
            mixed = rng.sample(keys, len(keys))
            own.log_batch(
                run_id,
                metrics=[Metric(k, thread + step / 10, T0 + step, thread) for k in mixed],
                params=[Param(f"p{k}", "same") for k in rng.sample(keys, 10)],
                tags=[RunTag(f"t{k}", str(thread)) for k in rng.sample(keys, 20)],
            )

    together(64, write)
    expected = [(n, T0 + s, n + s / 10) for n in range(64) for s in range(3)]
    for key in keys:
        assert sorted(points(client, run_id, key)) == sorted(expected)
    data = client.get_run(run_id).data
    assert data.metrics == {key: 63.2 for key in keys}
    assert set(data.params) == {f"p{k}" for k in keys} and set(data.params.values()) == {"same"}
    assert {f"t{k}" for k in keys} <= set(data.tags)


@pytest.mark.mlflow2
@pytest.mark.trackway_only("answers one of four writers of one new dataset with 400")
def test_four_clients_log_one_new_dataset_at_the_same_moment(client, server, experiment):
    for _ in range(10):
        dataset = Dataset(unique("new"), "abc123", "local", '{"uri": "x"}', "{}", "{}")
        runs = [client.create_run(experiment).info.run_id for _ in range(4)]

        def write(n, runs=runs, dataset=dataset):
            tags = [InputTag("mlflow.data.context", "training")]
            MlflowClient(server.url).log_inputs(runs[n], [DatasetInput(dataset, tags)])

        together(4, write)
        found = client.search_runs([experiment], f"dataset.name = '{dataset.name}'")
        assert {run.info.run_id for run in found} == set(runs)


@pytest.mark.mlflow2
def test_one_experiment_name_asked_for_by_many_is_created_once(client, server):
    name = unique("raced")

    def create(_):
        try:
            return MlflowClient(server.url).create_experiment(name)
        except mlflow.exceptions.MlflowException as e:
            assert e.error_code == "RESOURCE_ALREADY_EXISTS"
            return None

    created = [experiment_id for experiment_id in together(12, create) if experiment_id]
    assert created == [client.get_experiment_by_name(name).experiment_id]


@pytest.mark.mlflow2
def test_one_param_written_by_many_has_one_of_their_values(client, server, run_id):
    def write(n):
        try:
            MlflowClient(server.url).log_param(run_id, "p", n)
            return n
        except mlflow.exceptions.MlflowException as e:
            assert e.error_code == "INVALID_PARAMETER_VALUE"
            return None

    accepted = [n for n in together(12, write) if n is not None]
    assert len(accepted) == 1
    assert client.get_run(run_id).data.params == {"p": str(accepted[0])}


@pytest.mark.mlflow2
@pytest.mark.time_limit(120)
def test_readers_see_only_whole_batches_while_writers_write(client, server, experiment):
    run_id = client.create_run(experiment).info.run_id
    done = threading.Event()
    torn = []

    def read(own):
        while not done.is_set():
            (run,) = own.search_runs([experiment])
            if len(set(run.data.metrics.values())) > 1:
                torn.append(run.data.metrics)

    readers = [threading.Thread(target=read, args=(MlflowClient(server.url),)) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for step in range(60):
            batch = [Metric(f"m{n}", float(step), T0 + step, step) for n in range(50)]
            client.log_batch(run_id, metrics=batch)
    finally:
        done.set()
        for reader in readers:
            reader.join(timeout=30)
    assert torn == []
    assert client.get_run(run_id).data.metrics == {f"m{n}": 59.0 for n in range(50)}
