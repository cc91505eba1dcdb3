"""Requests of the suite: JSON against one server or the balancer, without a client's retries."""

import itertools
import uuid

import requests

API = "/api/2.0/mlflow"
_counter = itertools.count()


def unique(prefix):
    """A name that nobody has used yet."""
    return f"{prefix}-{next(_counter)}-{uuid.uuid4().hex[:8]}"


def post(url, path, body, method="POST"):
    """Sends JSON to MLflow's API, or to a path with a slash in front; the answer must be a 200."""
    at = f"{url}{path}" if path.startswith("/") else f"{url}{API}/{path}"
    answer = requests.request(method, at, json=body, timeout=60)
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
    return answer.json()


def get(url, path, **params):
    """Asks as `post` does."""
    at = f"{url}{path}" if path.startswith("/") else f"{url}{API}/{path}"
    answer = requests.get(at, params=params, timeout=90)
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
    return answer.json()


def new_run(url):
    """Creates an experiment and a run, and gives the run's id and where its files go."""
    experiment = post(url, "experiments/create", {"name": unique("e")})["experiment_id"]
    run = post(url, "runs/create", {"experiment_id": experiment})["run"]["info"]
    return run["run_id"], run["artifact_uri"].removeprefix("mlflow-artifacts:/")


def new_model(url, versions=0):
    """Creates a registered model with versions, and gives its name."""
    name = unique("model")
    post(url, "registered-models/create", {"name": name})
    for _ in range(versions):
        post(url, "model-versions/create", {"name": name, "source": "s3://bucket/files"})
    return name


def put_file(url, path, content):
    """Uploads a file through a server, and gives the answer's status."""
    at = f"{url}/api/2.0/mlflow-artifacts/artifacts/{path}"
    return requests.put(at, data=content, timeout=60).status_code
