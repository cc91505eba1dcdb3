"""Dataset inputs of runs: pandas and numpy, contexts, search by dataset."""

import json

import mlflow
import numpy as np
import pandas as pd
import pytest
from support import unique

pytestmark = pytest.mark.mlflow2


def frame(rows=6):
    """A small table with a number, a text and a label column."""
    words = [f"w{i}" for i in range(rows)]
    return pd.DataFrame({"x": np.arange(rows) / 2, "word": words, "y": [0, 1] * (rows // 2)})


def inputs(client, run_id):
    """The dataset inputs of a run: {(name, context): dataset}."""
    read = {}
    for entry in client.get_run(run_id).inputs.dataset_inputs:
        tags = {tag.key: tag.value for tag in entry.tags}
        read[entry.dataset.name, tags.get("mlflow.data.context")] = entry.dataset
    return read


def test_a_pandas_dataset_keeps_schema_profile_and_digest(client, experiment):
    dataset = mlflow.data.from_pandas(frame(), source="data.csv", name="table", targets="y")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training")
    read = inputs(client, run.info.run_id)["table", "training"]
    assert read.digest == dataset.digest
    assert read.source_type == "local"
    assert json.loads(read.source) == {"uri": "data.csv"}
    columns = json.loads(read.schema)["mlflow_colspec"]
    assert [c["name"] for c in columns] == ["x", "word", "y"]
    assert json.loads(read.profile) == {"num_rows": 6, "num_elements": 18}


def test_a_numpy_dataset_keeps_its_shapes(client, experiment):
    features, targets = np.ones((5, 2, 3)), np.zeros(5)
    dataset = mlflow.data.from_numpy(features, source="x.npy", name="tensor", targets=targets)
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="eval", tags={"split": "a"})
    (entry,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert {t.key: t.value for t in entry.tags} == {"mlflow.data.context": "eval", "split": "a"}
    assert json.loads(entry.dataset.profile)["features_shape"] == [5, 2, 3]
    assert entry.dataset.digest == dataset.digest
    assert json.loads(entry.dataset.schema)["mlflow_tensorspec"]["features"]


def test_two_datasets_of_one_run_are_both_kept(client, experiment):
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_pandas(frame(4), name="train"), context="training")
        mlflow.log_input(mlflow.data.from_pandas(frame(2), name="test"), context="testing")
    assert set(inputs(client, run.info.run_id)) == {("train", "training"), ("test", "testing")}


def test_logging_the_same_dataset_twice_keeps_one_input(client, experiment):
    dataset = mlflow.data.from_pandas(frame(), name="same")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training")
        mlflow.log_input(dataset, context="training")
    assert len(client.get_run(run.info.run_id).inputs.dataset_inputs) == 1


def test_one_dataset_used_by_several_runs_is_one_dataset(client, rest, experiment):
    name = unique("shared")
    dataset = mlflow.data.from_pandas(frame(), name=name)
    for _ in range(3):
        with mlflow.start_run():
            mlflow.log_input(dataset, context="training")
    answer = rest.send(
        "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [experiment]}
    )
    assert answer.status_code == 200
    assert answer.json()["dataset_summaries"] == [
        {"experiment_id": experiment, "name": name, "digest": dataset.digest, "context": "training"}
    ]


def test_runs_are_found_by_dataset_name_digest_and_context(client, experiment):
    datasets = [mlflow.data.from_pandas(frame(n), name=unique(f"set{n}")) for n in (2, 4)]
    ids = []
    for dataset, context in zip(datasets, ("training", "validation")):
        with mlflow.start_run() as run:
            mlflow.log_input(dataset, context=context)
        ids.append(run.info.run_id)
    first, second = datasets

    def found(text):
        return [run.info.run_id for run in client.search_runs([experiment], text)]

    assert found(f"dataset.name = '{first.name}'") == [ids[0]]
    assert found(f"datasets.digest = '{second.digest}'") == [ids[1]]
    assert found("dataset.context = 'validation'") == [ids[1]]
    assert found(f"dataset.name IN ('{first.name}', 'other')") == [ids[0]]
    assert found(f"dataset.name = '{first.name}' AND dataset.context = 'validation'") == []
    assert found("dataset.name LIKE 'set2%'") == [ids[0]]
    (read,) = client.search_runs([experiment], "dataset.context = 'training'")
    assert read.inputs.dataset_inputs[0].dataset.digest == first.digest
