"""What a version remembers of its run, and what differs between two: Trackway's own API, with
runs, datasets and models that the unmodified client logged."""

import json

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
from support import unique

pytestmark = [pytest.mark.mlflow2, pytest.mark.trackway_only("it has no such API")]

COMMIT = "mlflow.source.git.commit"


def frame(seed):
    """A small table of two features and a target, other numbers for another seed."""
    random = np.random.default_rng(seed)
    features = pd.DataFrame({"age": random.random(20), "income": random.random(20)})
    return features.assign(churned=[0, 1] * 10)


def train(commit, seed=1, requirements=("scikit-learn==1.5.0",), columns=("age", "income")):
    """Logs one training with everything that can be known of it; gives the run's id."""
    table = frame(seed)
    features = table[list(columns)]
    model = LogisticRegression(random_state=7).fit(features, table["churned"])
    dataset = mlflow.data.from_pandas(table, source="churn.csv", name="churn", targets="churned")
    with mlflow.start_run(tags={COMMIT: commit, "mlflow.source.git.dirty": "false"}) as run:
        mlflow.log_input(dataset, context="training")
        mlflow.log_params({"C": 1.0, "random_state": 7})
        mlflow.log_metrics({"auc": 0.9, "loss": 0.1}, step=3)
        mlflow.sklearn.log_model(
            model,
            artifact_path="model",
            signature=infer_signature(features, model.predict(features)),
            pip_requirements=list(requirements),
        )
    return run.info.run_id


def register(run_id, name):
    """Registers the model of a run and gives the number of the version."""
    return int(mlflow.register_model(f"runs:/{run_id}/model", name).version)


@pytest.fixture
def name(client):
    """The name of a new registered model."""
    return client.create_registered_model(unique("facts")).name


def facts_of(rest, name, version):
    """The whole answer of the facts of a version."""
    answer = rest.get(f"/api/1.0/models/{name}/versions/{version}/facts")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_version_remembers_what_the_client_logged(client, rest, experiment, name):
    run_id = train("0123abcd")
    version = register(run_id, name)
    answer = facts_of(rest, name, version)
    facts = answer["facts"]
    assert answer["missing"] == []
    run = client.get_run(run_id)
    assert facts["run"]["id"] == run_id and facts["run"]["status"] == "FINISHED"
    assert facts["run"]["experiment_id"] == experiment
    assert {p["key"]: p["value"] for p in facts["params"]} == run.data.params
    assert {m["key"]: (m["value"], m["step"]) for m in facts["metrics"]} == {
        "auc": (0.9, 3), "loss": (0.1, 3)
    }
    assert facts["code"]["commit"] == "0123abcd" and facts["code"]["dirty"] is False
    (logged,) = run.inputs.dataset_inputs
    (dataset,) = facts["datasets"]
    assert (dataset["name"], dataset["digest"]) == ("churn", logged.dataset.digest)
    assert dataset["context"] == "training"
    assert json.loads(dataset["schema"])["mlflow_colspec"][0]["name"] == "age"
    assert facts["seeds"] == [{"key": "random_state", "value": "7"}]
    assert [column["name"] for column in facts["signature"]["inputs"]] == ["age", "income"]
    assert {"python_function", "sklearn"} <= set(facts["model"]["flavors"])
    assert facts["model"]["mlflow_version"] == mlflow.__version__
    environment = facts["environment"]
    packages = {p["name"]: p for p in environment["packages"] if p["manager"] == "pip"}
    assert packages["scikit-learn"]["version"] == "1.5.0"
    assert packages["mlflow"]["version"] == mlflow.__version__
    assert environment["pinning"] == "pinned"
    assert environment["python"].startswith("3.")


def test_later_changes_of_the_run_change_nothing(client, rest, experiment, name):
    run_id = train("0123abcd")
    version = register(run_id, name)
    before = facts_of(rest, name, version)
    client.log_metric(run_id, "auc", 0.1, step=9)
    client.log_metric(run_id, "new", 1.0)
    client.log_param(run_id, "late", "1")
    client.set_tag(run_id, COMMIT, "ffff")
    client.delete_tag(run_id, "mlflow.source.git.dirty")
    client.update_run(run_id, status="FAILED", name="renamed")
    assert facts_of(rest, name, version) == before
    again = facts_of(rest, name, register(run_id, name))["facts"]
    assert again["code"]["commit"] == "ffff" and again["run"]["status"] == "FAILED"


def test_two_models_with_the_same_metrics_are_told_apart(client, rest, experiment, name):
    first = register(train("aaaa", seed=1), name)
    second = register(
        train("bbbb", seed=2, requirements=("scikit-learn==1.6.0",), columns=("age",)), name
    )
    client.set_registered_model_alias(name, "champion", str(first))
    answer = rest.get(f"/api/1.0/models/{name}/diff", a="@champion", b="latest").json()
    assert (answer["a"]["version"], answer["b"]["version"]) == (str(first), str(second))
    assert answer["metrics"] == {"equal": 2, "differ": [], "note": None}
    (data,) = answer["datasets"]["differ"]
    assert data["key"] == "churn (training)" and data["a"] != data["b"]
    (commit,) = answer["code"]["differ"]
    assert (commit["key"], commit["a"], commit["b"]) == ("commit", "aaaa", "bbbb")
    (package,) = answer["packages"]["differ"]
    assert (package["key"], package["a"], package["b"]) == ("scikit-learn", "1.5.0", "1.6.0")
    (column,) = answer["signature"]["differ"]
    assert (column["key"], column["change"], column["breaking"]) == (
        "inputs.income", "removed", False
    )
    causes = {cause["area"]: cause["verdict"] for cause in answer["causes"]}
    assert [causes[area] for area in ("data", "code", "environment", "seed", "params")] == [
        "differs", "differs", "differs", "same", "same"
    ]
    assert "have the same metrics" in answer["summary"][0]
    assert "data, code, environment, signature" in answer["summary"][1]


def test_a_column_that_callers_must_add_is_breaking(rest, experiment, name):
    first = register(train("aaaa", columns=("age",)), name)
    second = register(train("aaaa"), name)
    answer = rest.get(f"/api/1.0/models/{name}/diff", a=first, b=second).json()
    (column,) = answer["signature"]["differ"]
    assert (column["key"], column["breaking"]) == ("inputs.income", True)
    assert column["reason"] == "A call that does not send it is refused."
    model = mlflow.pyfunc.load_model(f"models:/{name}/{second}")
    with pytest.raises(Exception, match="missing inputs"):
        model.predict(frame(1)[["age"]])
