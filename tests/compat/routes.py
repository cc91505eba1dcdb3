"""The routes under test with one good request each, for tests that spoil one field at a time."""

ARTIFACTS = "/api/2.0/mlflow-artifacts"
AJAX = "/ajax-api/2.0/mlflow"

# No event ever goes to it, and nobody listens there.
WEBHOOK = {"name": "subject", "url": "http://127.0.0.1:9/x",
           "events": [{"entity": "BUDGET_POLICY", "action": "EXCEEDED"}]}
# Good requests that name something which is not there.
NAMES_NOTHING = ("experiments/delete", "experiments/restore", "experiments/delete-tag",
                 "runs/delete", "runs/delete-tag", "registered-models/delete",
                 "model-versions/delete")


def subject(rest, name):
    """Creates an experiment, a run, both kinds of model and a webhook; gives their ids."""
    experiment = rest.send("experiments/create", {"name": name}).json()["experiment_id"]
    body = {"experiment_id": experiment, "start_time": 1, "run_name": "subject"}
    run = rest.send("runs/create", body).json()["run"]["info"]["run_id"]
    body = {"experiment_id": experiment, "name": "subject", "source_run_id": run}
    model = rest.send("logged-models", body).json()["model"]["info"]["model_id"]
    rest.send("registered-models/create", {"name": name})
    rest.send("model-versions/create", {"name": name, "source": "s3://bucket/x"})
    rest.send("registered-models/alias", {"name": name, "alias": "a", "version": "1"})
    webhook = rest.send("webhooks", WEBHOOK).json()["webhook"]["webhook_id"]
    return {"experiment": experiment, "run": run, "model": model, "name": name, "webhook": webhook}


def posts(ids):
    """Body routes as {label: (method, path, body)}; each body is accepted as it stands."""
    run, experiment, model = ids["run"], ids["experiment"], ids["model"]
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "s"}
    return {
        "experiments/create": ("POST", "experiments/create", {
            "name": f"{ids['name']} other", "artifact_location": "s3://bucket/x",
            "tags": [{"key": "k", "value": "v"}]}),
        "experiments/search": ("POST", "experiments/search", {
            "max_results": 5, "filter": "name = 'x'", "order_by": ["name ASC"],
            "view_type": "ALL", "page_token": ""}),
        "experiments/delete": ("POST", "experiments/delete", {"experiment_id": "999999"}),
        "experiments/restore": ("POST", "experiments/restore", {"experiment_id": "999999"}),
        "experiments/update": ("POST", "experiments/update", {
            "experiment_id": experiment, "new_name": f"{ids['name']} renamed"}),
        "experiments/set-tag": ("POST", "experiments/set-experiment-tag", {
            "experiment_id": experiment, "key": "k", "value": "v"}),
        "experiments/delete-tag": ("POST", "experiments/delete-experiment-tag", {
            "experiment_id": experiment, "key": "k"}),
        "search-datasets": ("POST", f"{AJAX}/experiments/search-datasets", {
            "experiment_ids": [experiment]}),
        "runs/create": ("POST", "runs/create", {
            "experiment_id": experiment, "user_id": "u", "run_name": "n", "start_time": 1,
            "tags": [{"key": "k", "value": "v"}]}),
        "runs/update": ("POST", "runs/update", {
            "run_id": run, "status": "RUNNING", "end_time": 1, "run_name": "n"}),
        "runs/delete": ("POST", "runs/delete", {"run_id": "0" * 32}),
        "runs/restore": ("POST", "runs/restore", {"run_id": run}),
        "runs/log-metric": ("POST", "runs/log-metric", {
            "run_id": run, "key": "m", "value": 1.0, "timestamp": 1, "step": 1}),
        "runs/log-parameter": ("POST", "runs/log-parameter", {
            "run_id": run, "key": "p", "value": "v"}),
        "runs/set-tag": ("POST", "runs/set-tag", {"run_id": run, "key": "t", "value": "v"}),
        "runs/delete-tag": ("POST", "runs/delete-tag", {"run_id": run, "key": "t"}),
        "runs/search": ("POST", "runs/search", {
            "experiment_ids": [experiment], "filter": "metrics.m > 0", "run_view_type": "ALL",
            "max_results": 5, "order_by": ["metrics.m ASC"], "page_token": ""}),
        "runs/log-batch": ("POST", "runs/log-batch", {
            "run_id": run, "metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 1}],
            "params": [{"key": "p2", "value": "v"}], "tags": [{"key": "t", "value": "v"}]}),
        "runs/log-inputs": ("POST", "runs/log-inputs", {
            "run_id": run, "datasets": [{"dataset": dataset, "tags": []}],
            "models": [{"model_id": model}]}),
        "runs/outputs": ("POST", "runs/outputs", {
            "run_id": run, "models": [{"model_id": model, "step": 1}]}),
        "logged-models": ("POST", "logged-models", {
            "experiment_id": experiment, "name": "m", "model_type": "t", "source_run_id": run,
            "params": [{"key": "p", "value": "v"}], "tags": [{"key": "t", "value": "v"}]}),
        "logged-models finalize": ("PATCH", f"logged-models/{model}", {
            "model_id": model, "status": "LOGGED_MODEL_READY"}),
        "logged-models tags": ("PATCH", f"logged-models/{model}/tags", {
            "model_id": model, "tags": [{"key": "t", "value": "v"}]}),
        "logged-models params": ("POST", f"logged-models/{model}/params", {
            "model_id": model, "params": [{"key": "p", "value": "v"}]}),
        "logged-models/search": ("POST", "logged-models/search", {
            "experiment_ids": [experiment], "filter": "name = 'x'", "max_results": 5,
            "datasets": [{"dataset_name": "d"}],
            "order_by": [{"field_name": "name", "ascending": True}], "page_token": ""}),
        **registry_posts(ids["name"]),
        **webhook_posts(ids["webhook"]),
    }


def registry_posts(name):
    """Body routes of the model registry, in the shape of `posts`."""
    tags, version = [{"key": "k", "value": "v"}], {"name": name, "version": "1"}
    nowhere = f"{name} nowhere"
    models, versions = "registered-models", "model-versions"
    return {
        f"{models}/create": ("POST", f"{models}/create", {
            "name": f"{name} other", "tags": tags, "description": "d"}),
        f"{models}/rename": ("POST", f"{models}/rename", {"name": name, "new_name": name}),
        f"{models}/update": ("PATCH", f"{models}/update", {"name": name, "description": "d"}),
        f"{models}/delete": ("DELETE", f"{models}/delete", {"name": nowhere}),
        f"{models}/get-latest-versions": ("POST", f"{models}/get-latest-versions", {
            "name": name, "stages": ["None"]}),
        f"{models}/set-tag": ("POST", f"{models}/set-tag", {"name": name, **tags[0]}),
        f"{models}/delete-tag": ("DELETE", f"{models}/delete-tag", {"name": name, "key": "k"}),
        f"{models}/alias": ("POST", f"{models}/alias", {**version, "alias": "a"}),
        f"{models}/alias delete": ("DELETE", f"{models}/alias", {"name": name, "alias": "a"}),
        f"{versions}/create": ("POST", f"{versions}/create", {
            "name": name, "source": "s3://bucket/y", "run_id": "r", "run_link": "l", "tags": tags,
            "description": "d", "model_id": ""}),
        f"{versions}/update": ("PATCH", f"{versions}/update", {**version, "description": "d"}),
        f"{versions}/transition-stage": ("POST", f"{versions}/transition-stage", {
            **version, "stage": "Staging", "archive_existing_versions": True}),
        f"{versions}/set-tag": ("POST", f"{versions}/set-tag", {**version, **tags[0]}),
        f"{versions}/delete-tag": ("DELETE", f"{versions}/delete-tag", {**version, "key": "k"}),
        f"{versions}/delete": ("DELETE", f"{versions}/delete", {"name": nowhere, "version": "1"}),
    }


def webhook_posts(webhook):
    """Body routes of webhooks, in the shape of `posts`."""
    full = {**WEBHOOK, "description": "d", "secret": "s", "status": "ACTIVE"}
    return {
        "webhooks create": ("POST", "webhooks", full),
        "webhooks update": ("PATCH", f"webhooks/{webhook}", full),
        "webhooks test": ("POST", f"webhooks/{webhook}/test", {"event": WEBHOOK["events"][0]}),
        "webhooks delete": ("DELETE", f"webhooks/{webhook}", {}),
    }


def gets(ids):
    """Query routes as {label: (path, parameters)}; each is accepted as it stands."""
    run, experiment, model = ids["run"], ids["experiment"], ids["model"]
    return {
        "experiments/get": ("experiments/get", {"experiment_id": experiment}),
        "experiments/get-by-name": ("experiments/get-by-name", {"experiment_name": ids["name"]}),
        "experiments/search": ("experiments/search", {
            "max_results": "5", "filter": "name = 'x'", "order_by": "name", "view_type": "ALL"}),
        "runs/get": ("runs/get", {"run_id": run}),
        "metrics/get-history": ("metrics/get-history", {
            "run_id": run, "metric_key": "m", "max_results": "5"}),
        "get-history-bulk": (f"{AJAX}/metrics/get-history-bulk", {
            "run_id": run, "metric_key": "m", "max_results": "5"}),
        "get-history-bulk-interval": ("metrics/get-history-bulk-interval", {
            "run_ids": run, "metric_key": "m", "start_step": "0", "end_step": "5",
            "max_results": "5"}),
        "logged-models/get": (f"logged-models/{model}", {"allow_deleted": "true"}),
        "logged-models/directories": (f"logged-models/{model}/artifacts/directories", {
            "artifact_directory_path": "a"}),
        "artifacts/list": ("artifacts/list", {"run_id": run, "path": "a", "page_token": ""}),
        "artifacts proxy list": (f"{ARTIFACTS}/artifacts", {"path": "a"}),
        **registry_gets(ids["name"]),
        "webhooks get": (f"webhooks/{ids['webhook']}", {}),
        "webhooks list": ("webhooks", {"max_results": "5", "page_token": ""}),
    }


def registry_gets(name):
    """Query routes of the model registry, in the shape of `gets`."""
    search = {"filter": "name = 'x'", "max_results": "5", "order_by": "name", "page_token": ""}
    return {
        "registered-models/get": ("registered-models/get", {"name": name}),
        "registered-models/search": ("registered-models/search", search),
        "registered-models/alias": ("registered-models/alias", {"name": name, "alias": "a"}),
        "registered-models/get-latest-versions by query": (
            "registered-models/get-latest-versions", {"name": name, "stages": "None"}),
        "model-versions/get": ("model-versions/get", {"name": name, "version": "1"}),
        "model-versions/search": ("model-versions/search", search),
        "model-versions/get-download-uri": (
            "model-versions/get-download-uri", {"name": name, "version": "1"}),
    }
