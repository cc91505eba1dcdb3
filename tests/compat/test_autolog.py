"""scikit-learn autologging: what a script gets for one line."""

import mlflow
import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

pytestmark = [pytest.mark.mlflow2, pytest.mark.time_limit(180)]


def test_a_fit_logs_params_metrics_plots_dataset_and_model(client, experiment):
    features, target = load_iris(return_X_y=True, as_frame=True)
    mlflow.sklearn.autolog(silent=True, extra_tags={"by": "autolog"})
    model = LogisticRegression(C=0.5, max_iter=300).fit(features, target)
    run = mlflow.last_active_run()
    assert run.info.status == "FINISHED"
    assert run.info.experiment_id == experiment
    assert (run.data.params["C"], run.data.params["max_iter"]) == ("0.5", "300")
    assert run.data.metrics["training_accuracy_score"] == pytest.approx(
        model.score(features, target)
    )
    assert run.data.tags["estimator_name"] == "LogisticRegression"
    assert run.data.tags["by"] == "autolog"
    assert len(run.inputs.dataset_inputs) == 1
    files = {f.path for f in client.list_artifacts(run.info.run_id)}
    assert {"training_confusion_matrix.png", "estimator.html"} <= files
    loaded = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert np.array_equal(loaded.predict(features), model.predict(features))


def test_a_grid_search_logs_a_child_run_per_candidate(client, experiment):
    features, target = load_wine(return_X_y=True)
    mlflow.sklearn.autolog(silent=True, log_models=False, max_tuning_runs=None)
    grid = {"n_estimators": [2, 5], "max_depth": [2, 3]}
    search = GridSearchCV(RandomForestClassifier(random_state=0), grid, cv=2)
    with mlflow.start_run() as parent:
        search.fit(features, target)
    children = client.search_runs(
        [experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    )
    tried = {(c.data.params["n_estimators"], c.data.params["max_depth"]) for c in children}
    assert tried == {("2", "2"), ("2", "3"), ("5", "2"), ("5", "3")}
    scores = sorted(c.data.metrics["mean_test_score"] for c in children)
    assert scores == pytest.approx(sorted(search.cv_results_["mean_test_score"]))
    assert all(c.info.status == "FINISHED" for c in children)
    read = client.get_run(parent.info.run_id)
    assert read.data.metrics["best_cv_score"] == pytest.approx(search.best_score_)
    assert read.data.params["best_max_depth"] == str(search.best_params_["max_depth"])
    assert "cv_results.csv" in {f.path for f in client.list_artifacts(parent.info.run_id)}


def test_scores_computed_after_the_fit_join_the_run(client, experiment):
    from sklearn.metrics import accuracy_score

    features, target = load_iris(return_X_y=True)
    mlflow.sklearn.autolog(silent=True, log_models=False)
    with mlflow.start_run() as run:
        model = LogisticRegression(max_iter=300).fit(features[::2], target[::2])
        held_out = model.score(features[1::2], target[1::2])
        predicted = model.predict(features[1::2])
        by_function = accuracy_score(target[1::2], predicted)
    metrics = client.get_run(run.info.run_id).data.metrics
    assert held_out == by_function
    assert held_out in [v for k, v in metrics.items() if k.startswith("LogisticRegression_score")]
    assert by_function in [v for k, v in metrics.items() if k.startswith("accuracy_score")]
