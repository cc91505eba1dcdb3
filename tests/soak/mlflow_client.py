"""A training script with the unmodified mlflow client.

`python mlflow_client.py EXPERIMENT STOP_FILE` trains until the file is there, and then prints as
JSON what it logged: the run ids with the count of their steps.
"""

import json
import sys
import time
from pathlib import Path

import mlflow
from mlflow.entities import Metric

KEYS, STEPS = 10, 10
BATCHES_OF_A_RUN = 60


def train(experiment, stop):
    """Logs runs until the file `stop` is there; gives their ids and the count of their steps."""
    client = mlflow.MlflowClient()
    logged = {}
    while not stop.exists():
        with mlflow.start_run(experiment_id=experiment) as run:
            run_id, steps = run.info.run_id, 0
            while steps < BATCHES_OF_A_RUN * STEPS and not stop.exists():
                now = int(time.time() * 1000)
                client.log_batch(run_id, metrics=[
                    Metric(f"m{key}", step + key / 16, now, step)
                    for key in range(KEYS) for step in range(steps, steps + STEPS)])
                steps += STEPS
                logged[run_id] = steps
                time.sleep(1)
            mlflow.log_text(str(steps), "steps.txt")
    return logged


if __name__ == "__main__":
    print(json.dumps(train(sys.argv[1], Path(sys.argv[2]))))
