"""The example script runs as a newcomer runs it, and everything it logged is read back."""

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow.artifacts import load_dict
from sklearn import datasets
from support import points, unique

pytestmark = [pytest.mark.mlflow2, pytest.mark.time_limit(180)]

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "train_sweep.py"
# Task: (steps of a quick trial, keys of its curve, rows, features, figure).
EXPECTED = {
    "breast_cancer": (8, {"train/log_loss", "test/log_loss", "test/accuracy", "test/roc_auc"},
                      569, 30, "figures/roc.png"),
    "diabetes": (12, {"train/loss", "test/rmse", "test/mae"}, 442, 10, "figures/predicted.png"),
    "digits": (5, {"train/loss", "test/accuracy"}, 1797, 64, "figures/confusion.png"),
}


@pytest.fixture(scope="module")
def swept(server):
    """Name of the experiment that a quick run of the script has filled, and what it printed."""
    name = unique("train-sweep")
    command = [sys.executable, str(SCRIPT), "--tracking-uri", server.url, "--experiment", name,
               "--trials", "2", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return name, done.stdout


def family(client, name, task):
    """The parent run of a task and its trials."""
    experiment = client.get_experiment_by_name(name).experiment_id
    (parent,) = client.search_runs([experiment], f"attributes.run_name = '{task} sweep'")
    children = client.search_runs(
        [experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'",
        order_by=["metrics.score DESC"],
    )
    return parent, children


def test_the_script_says_what_came_out_and_where_to_look(client, server, swept):
    name, printed = swept
    assert client.get_experiment_by_name(name).experiment_id in printed
    assert server.url in printed
    for task in EXPECTED:
        parent, children = family(client, name, task)
        assert parent.info.run_id in printed and children[0].info.run_id in printed


@pytest.mark.parametrize("task", EXPECTED)
def test_every_trial_has_its_params_curve_inputs_and_figure(client, swept, task):
    steps, keys, _, _, figure = EXPECTED[task]
    _, children = family(client, swept[0], task)
    assert len(children) == 2
    for child in children:
        assert child.info.status == "FINISHED"
        assert child.data.params["steps"] == str(steps)
        assert len(child.data.params) >= 3
        assert set(child.data.metrics) == keys | {"score"}
        for key in keys:
            read = points(client, child.info.run_id, key)
            assert sorted(step for step, _, _ in read) == list(range(steps))
            assert all(np.isfinite(value) for _, _, value in read)
        inputs = client.get_run(child.info.run_id).inputs.dataset_inputs
        assert {i.dataset.name for i in inputs} == {f"{task}-training", f"{task}-testing"}
        image = Path(client.download_artifacts(child.info.run_id, figure)).read_bytes()
        assert image.startswith(b"\x89PNG")


@pytest.mark.parametrize("task", EXPECTED)
def test_the_parent_has_the_best_trial_and_its_model(client, swept, task):
    _, _, size, features, _ = EXPECTED[task]
    parent, children = family(client, swept[0], task)
    assert parent.info.status == "FINISHED"
    assert parent.data.params == {"rows": str(size), "features": str(features)}
    assert parent.data.metrics["best_score"] == children[0].data.metrics["score"]
    assert parent.data.tags["best_run_id"] == children[0].info.run_id
    scores = load_dict(f"runs:/{parent.info.run_id}/sweep.json")["scores"]
    assert scores == {c.info.run_id: c.data.metrics["score"] for c in children}
    uri = f"runs:/{parent.info.run_id}/model"
    model = mlflow.pyfunc.load_model(uri)
    assert len(model.metadata.signature.inputs.inputs) == features
    rows = getattr(datasets, f"load_{task}")(as_frame=True).data.head(3).astype("float64")
    predicted = model.predict(rows)
    direct = mlflow.sklearn.load_model(uri).predict(rows)
    assert len(predicted) == 3
    assert np.array_equal(predicted, direct)


def test_runs_are_found_by_the_data_they_used(client, swept):
    experiment = client.get_experiment_by_name(swept[0]).experiment_id
    found = client.search_runs([experiment], "dataset.name = 'digits-training'")
    assert {run.data.tags["task"] for run in found} == {"digits"}
    assert len(found) == 2
