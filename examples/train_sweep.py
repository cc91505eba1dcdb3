"""Trains three small model families on real data and logs every trial to an MLflow tracking server.

The data ships with scikit-learn: breast cancer (classification), diabetes (regression) and
handwritten digits (ten classes). Each task is one parent run with nested trials; a trial logs its
parameters, its curve step by step, figures, its data sets, and the best trial of a task logs its
model with a signature. Only the `mlflow` client is used, as in any training script:

    python examples/train_sweep.py --tracking-uri http://127.0.0.1:5000 --trials 8
"""

import argparse
import logging
import warnings
from dataclasses import dataclass
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import (
    ConfusionMatrixDisplay, RocCurveDisplay, accuracy_score, log_loss, mean_absolute_error,
    mean_squared_error, r2_score, roc_auc_score,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = 7
# How `log_model` calls the name of a model.
MODEL_NAME = "artifact_path" if mlflow.__version__.startswith("2.") else "name"


@dataclass
class Data:
    """One data set, split: frames of features, series of targets."""

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    train_target: pd.Series
    test_target: pd.Series

    def log(self):
        """Logs both halves as inputs of the active run, with their contexts."""
        for half, target, context in [
            (self.train, self.train_target, "training"), (self.test, self.test_target, "testing"),
        ]:
            frame = half.assign(target=target)
            dataset = mlflow.data.from_pandas(
                frame, source=f"sklearn.datasets.load_{self.name}",
                name=f"{self.name}-{context}", targets="target",
            )
            mlflow.log_input(dataset, context=context)


@dataclass
class Trial:
    """What one trial gives back: its run, its model and the value its task compares."""

    run_id: str
    score: float
    model: Any


def load(name, loader):
    """Loads and splits one of scikit-learn's data sets; features scaled to unit variance."""
    bunch = loader(as_frame=True)
    train, test, train_target, test_target = train_test_split(
        bunch.data.astype("float64"), bunch.target, test_size=0.25, random_state=SEED
    )
    scaler = StandardScaler().set_output(transform="pandas").fit(train)
    return Data(name, scaler.transform(train), scaler.transform(test), train_target, test_target)


def train_breast_cancer(data, params, epochs):
    """A linear classifier by stochastic gradient descent, one point per epoch."""
    model = SGDClassifier(loss="log_loss", random_state=SEED, **params)
    for epoch in range(epochs):
        model.partial_fit(data.train, data.train_target, classes=[0, 1])
        probability = model.predict_proba(data.test)
        mlflow.log_metrics({
            "train/log_loss": log_loss(data.train_target, model.predict_proba(data.train)),
            "test/log_loss": log_loss(data.test_target, probability),
            "test/accuracy": accuracy_score(data.test_target, model.predict(data.test)),
            "test/roc_auc": roc_auc_score(data.test_target, probability[:, 1]),
        }, step=epoch)
    display = RocCurveDisplay.from_predictions(data.test_target, probability[:, 1])
    keep_figure(display.figure_, "figures/roc.png")
    return model, roc_auc_score(data.test_target, probability[:, 1])


def train_diabetes(data, params, stages):
    """Boosted regression trees, one point per boosting stage."""
    model = GradientBoostingRegressor(n_estimators=stages, random_state=SEED, **params)
    model.fit(data.train, data.train_target)
    predictions = model.staged_predict(data.test)
    for stage, (train_loss, predicted) in enumerate(zip(model.train_score_, predictions)):
        mlflow.log_metrics({
            "train/loss": train_loss,
            "test/rmse": mean_squared_error(data.test_target, predicted) ** 0.5,
            "test/mae": mean_absolute_error(data.test_target, predicted),
        }, step=stage)
    figure, axes = plt.subplots()
    axes.scatter(data.test_target, predicted, s=8)
    axes.set(xlabel="measured", ylabel="predicted")
    keep_figure(figure, "figures/predicted.png")
    return model, r2_score(data.test_target, predicted)


def train_digits(data, params, stages):
    """Boosted trees over ten classes, one point per boosting stage, and a confusion matrix."""
    model = GradientBoostingClassifier(
        n_estimators=stages, max_features="sqrt", random_state=SEED, **params
    )
    model.fit(data.train, data.train_target)
    for stage, predicted in enumerate(model.staged_predict(data.test)):
        mlflow.log_metrics({
            "train/loss": model.train_score_[stage],
            "test/accuracy": accuracy_score(data.test_target, predicted),
        }, step=stage)
    display = ConfusionMatrixDisplay.from_predictions(data.test_target, predicted)
    keep_figure(display.figure_, "figures/confusion.png")
    wrong = np.flatnonzero(predicted != data.test_target.to_numpy())[:50]
    mlflow.log_table({
        "row": data.test.index[wrong].tolist(),
        "target": data.test_target.iloc[wrong].tolist(),
        "predicted": predicted[wrong].tolist(),
    }, "errors.json")
    return model, accuracy_score(data.test_target, predicted)


def draw_params(task, rng):
    """Random parameters of one trial."""
    if task == "breast_cancer":
        return {"alpha": float(10 ** rng.uniform(-6, -1)), "penalty": str(rng.choice(["l1", "l2"]))}
    return {
        "learning_rate": float(10 ** rng.uniform(-1.5, -0.3)),
        "max_depth": int(rng.integers(2, 5)),
        "subsample": float(rng.uniform(0.5, 1.0)),
    }


# Task: (loader, training function, steps of a full trial, steps of a quick one).
TASKS = {
    "breast_cancer": (load_breast_cancer, train_breast_cancer, 40, 8),
    "diabetes": (load_diabetes, train_diabetes, 120, 12),
    "digits": (load_digits, train_digits, 40, 5),
}


def keep_figure(figure, path):
    """Logs a figure to the active run and closes it."""
    mlflow.log_figure(figure, path)
    plt.close(figure)


def run_trial(number, task, data, steps):
    """One nested run: parameters, inputs, curve, figures and the final score."""
    params = draw_params(task, np.random.default_rng([SEED, number]))
    with mlflow.start_run(run_name=f"{task} trial {number}", nested=True) as run:
        mlflow.log_params({**params, "steps": steps})
        mlflow.set_tags({"task": task, "trial": number})
        data.log()
        model, score = TASKS[task][1](data, params, steps)
        mlflow.log_metric("score", score)
    return Trial(run.info.run_id, score, model)


def log_best(task, data, trials):
    """Writes the outcome of a sweep, and the best model with its signature, to the parent run."""
    best = max(trials, key=lambda trial: trial.score)
    predicted = best.model.predict(data.test)
    mlflow.log_metrics({"best_score": best.score, "trials": len(trials)})
    mlflow.set_tag("best_run_id", best.run_id)
    mlflow.log_dict({"scores": {t.run_id: t.score for t in trials}}, "sweep.json")
    # The format is given because mlflow 3 refuses tree models in its own default format.
    mlflow.sklearn.log_model(
        best.model, **{MODEL_NAME: "model"}, signature=infer_signature(data.test, predicted),
        input_example=data.test.head(3), pip_requirements=["scikit-learn"],
        serialization_format=mlflow.sklearn.SERIALIZATION_FORMAT_CLOUDPICKLE,
    )
    return best


def run_task(task, trials, quick):
    """One parent run with its trials; gives the parent's run id and the best trial."""
    loader, _, full, short = TASKS[task]
    data = load(task, loader)
    with mlflow.start_run(run_name=f"{task} sweep", tags={"task": task}) as parent:
        rows, features = len(data.train) + len(data.test), data.train.shape[1]
        mlflow.log_params({"rows": rows, "features": features})
        done = [run_trial(n, task, data, short if quick else full) for n in range(trials)]
        best = log_best(task, data, done)
    return parent.info.run_id, best


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracking-uri", default="http://127.0.0.1:5000")
    parser.add_argument("--experiment", default="train-sweep")
    parser.add_argument("--trials", type=int, default=6, help="trials per data set")
    parser.add_argument("--quick", action="store_true", help="short trials, for a first look")
    return parser.parse_args()


def main():
    """Runs the three sweeps and says what came out and where to look."""
    args = arguments()
    warnings.filterwarnings("ignore", category=UserWarning, module="mlflow")
    mlflow.set_tracking_uri(args.tracking_uri)
    logging.getLogger("mlflow.sklearn").setLevel(logging.ERROR)
    experiment = mlflow.set_experiment(args.experiment)
    done = {task: run_task(task, args.trials, args.quick) for task in TASKS}
    print(f"\n{'data':14} {'trials':>6} {'best':>8}  {'best run':32}  parent run")
    for task, (parent, best) in done.items():
        print(f"{task:14} {args.trials:6} {best.score:8.4f}  {best.run_id}  {parent}")
    number = experiment.experiment_id
    print(f"\nexperiment {experiment.name!r} (id {number}) at {args.tracking_uri}")
    print(f"read it back:  MLFLOW_TRACKING_URI={args.tracking_uri} python -c \"import mlflow; "
          f"print(mlflow.search_runs(['{number}']))\"")


if __name__ == "__main__":
    main()
