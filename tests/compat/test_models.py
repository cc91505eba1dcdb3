"""Models: logged with scikit-learn, loaded again, and MLflow 3's logged-model entities."""

import json

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from support import unique

# Given explicitly: inferring them starts a second interpreter per model, which tests nothing here.
REQUIREMENTS = ["scikit-learn"]


@pytest.fixture(scope="module")
def trained():
    """A fitted classifier and the frame it was fitted on."""
    features, target = load_iris(return_X_y=True, as_frame=True)
    return LogisticRegression(max_iter=500).fit(features, target), features


@pytest.mark.mlflow2
def test_a_model_logged_in_a_run_predicts_the_same_when_loaded(client, experiment, trained):
    model, features = trained
    signature = infer_signature(features, model.predict(features))
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(
            model, artifact_path="model", signature=signature,
            input_example=features.head(3), pip_requirements=REQUIREMENTS,
        )
    uri = f"runs:/{run.info.run_id}/model"
    loaded = mlflow.sklearn.load_model(uri)
    assert np.array_equal(loaded.predict(features), model.predict(features))
    generic = mlflow.pyfunc.load_model(uri)
    assert np.array_equal(generic.predict(features), model.predict(features))
    assert generic.metadata.signature == signature
    read = mlflow.models.get_model_info(uri)
    assert read.signature == signature
    assert read.model_uuid == info.model_uuid
    example = read.saved_input_example_info
    assert example["type"] == "dataframe"
    down = mlflow.artifacts.download_artifacts(f"{uri}/{example['artifact_path']}")
    stored = json.loads(open(down).read())
    assert np.array_equal(np.array(stored["data"]), features.head(3).to_numpy())


def test_a_model_is_loaded_by_its_own_uri_and_listed_under_its_run(client, experiment, trained):
    model, features = trained
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(
            model, name="classifier", pip_requirements=REQUIREMENTS, params={"c": 1}, step=3,
        )
    assert info.model_id.startswith("m-")
    loaded = mlflow.sklearn.load_model(f"models:/{info.model_id}")
    assert np.array_equal(loaded.predict(features), model.predict(features))
    entity = mlflow.get_logged_model(info.model_id)
    assert (entity.name, entity.status.value, entity.source_run_id) == (
        "classifier", "READY", run.info.run_id,
    )
    assert entity.params == {"c": "1"}
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert [(o.model_id, o.step) for o in outputs] == [(info.model_id, 3)]
    listed = {f.path for f in client.list_artifacts(run.info.run_id, "classifier")}
    assert "classifier/MLmodel" in listed


def test_a_model_goes_from_pending_to_ready(client, experiment):
    with mlflow.start_run() as run:
        model = mlflow.initialize_logged_model(
            name="net", params={"layers": "3"}, tags={"stage": "new"}, model_type="agent",
        )
    read = mlflow.get_logged_model(model.model_id)
    assert (read.status.value, read.model_type) == ("PENDING", "agent")
    assert (read.experiment_id, read.source_run_id) == (experiment, run.info.run_id)
    assert (read.params, read.tags["stage"]) == ({"layers": "3"}, "new")
    assert read.artifact_location.endswith(f"/models/{model.model_id}/artifacts")
    assert read.creation_timestamp <= read.last_updated_timestamp
    done = mlflow.finalize_logged_model(model.model_id, "READY")
    assert done.status.value == "READY"
    failed = mlflow.initialize_logged_model(name="net2")
    mlflow.finalize_logged_model(failed.model_id, "FAILED")
    assert mlflow.get_logged_model(failed.model_id).status.value == "FAILED"


def test_params_and_tags_of_a_model_are_written_and_tags_deleted(client, experiment):
    model = mlflow.initialize_logged_model(name="tagged", tags={"a": "1"})
    mlflow.log_model_params({f"p{n}": str(n) for n in range(120)}, model_id=model.model_id)
    mlflow.set_logged_model_tags(model.model_id, {"a": "2", "b": "ü"})
    read = mlflow.get_logged_model(model.model_id)
    assert read.params == {f"p{n}": str(n) for n in range(120)}
    own = {k: v for k, v in read.tags.items() if not k.startswith("mlflow.")}
    assert own == {"a": "2", "b": "ü"}
    mlflow.delete_logged_model_tag(model.model_id, "a")
    assert "a" not in mlflow.get_logged_model(model.model_id).tags
    with pytest.raises(MlflowException) as refused:
        client.delete_logged_model_tag(model.model_id, "a")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_metrics_logged_for_a_model_show_on_the_model_and_the_run(client, experiment):
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    dataset = mlflow.data.from_pandas(frame, name=unique("eval"))
    with mlflow.start_run() as run:
        model = mlflow.initialize_logged_model(name="measured")
        mlflow.log_metric("acc", 0.5, step=1, model_id=model.model_id, dataset=dataset)
        mlflow.log_metrics({"f1": 0.25}, step=2, model_id=model.model_id)
    read = {m.key: m for m in mlflow.get_logged_model(model.model_id).metrics}
    assert (read["acc"].value, read["acc"].step) == (0.5, 1)
    assert (read["acc"].dataset_name, read["acc"].dataset_digest) == (dataset.name, dataset.digest)
    assert read["acc"].run_id == run.info.run_id
    assert (read["f1"].value, read["f1"].dataset_name) == (0.25, None)
    assert client.get_run(run.info.run_id).data.metrics == {"acc": 0.5, "f1": 0.25}


@pytest.fixture
def three_models(experiment):
    """Three models with params a = 0..2, tags, and a metric that falls with a."""
    models = []
    with mlflow.start_run():
        for n in range(3):
            model = mlflow.initialize_logged_model(
                name=f"model{n}", params={"a": str(n)}, tags={"even": str(n % 2 == 0)}
            )
            mlflow.log_metric("score", 1.0 - n / 4, model_id=model.model_id)
            models.append(mlflow.finalize_logged_model(model.model_id, "READY"))
    return models


def test_logged_models_are_searched_and_ordered(experiment, three_models):
    def names(text=None, order=None):
        found = mlflow.search_logged_models(
            [experiment], text, order_by=order, output_format="list"
        )
        return [model.name for model in found]

    assert names() == ["model2", "model1", "model0"]
    assert names("name = 'model1'") == ["model1"]
    assert names("params.a = '2'") == ["model2"]
    assert names("tags.even = 'True' AND metrics.score > 0.6") == ["model0"]
    assert names("name LIKE 'model%' AND params.a != '1'") == ["model2", "model0"]
    assert names("metrics.score <= 0.75") == ["model2", "model1"]
    by_score = [{"field_name": "metrics.score", "ascending": False}]
    assert names(order=by_score) == ["model0", "model1", "model2"]
    by_name = [{"field_name": "name", "ascending": True}]
    assert names("name != 'other'", by_name) == ["model0", "model1", "model2"]


def test_logged_models_come_as_a_frame_too(experiment, three_models):
    frame = mlflow.search_logged_models([experiment])
    assert sorted(frame["name"]) == ["model0", "model1", "model2"]
    assert sorted(frame["model_id"]) == sorted(m.model_id for m in three_models)


def test_logged_models_are_paged(client, experiment, three_models):
    read, token = [], None
    while not read or token:
        page = client.search_logged_models([experiment], max_results=2, page_token=token)
        assert len(page) <= 2
        read += [model.name for model in page]
        token = page.token
    assert read == ["model2", "model1", "model0"]


def test_a_deleted_model_is_gone_from_get_and_search(client, experiment, three_models):
    client.delete_logged_model(three_models[1].model_id)
    with pytest.raises(MlflowException) as refused:
        client.get_logged_model(three_models[1].model_id)
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    left = mlflow.search_logged_models([experiment], output_format="list")
    assert [model.name for model in left] == ["model2", "model0"]


def test_an_external_model_and_an_active_model_are_created(experiment):
    external = mlflow.create_external_model(name="remote", params={"endpoint": "x"})
    assert mlflow.get_logged_model(external.model_id).status.value == "READY"
    name = unique("active")
    with mlflow.set_active_model(name=name) as active:
        assert mlflow.get_logged_model(active.model_id).name == name
    with mlflow.set_active_model(name=name) as again:
        assert again.model_id == active.model_id
