"""One entry of a request table, and how a short spelling becomes a whole request.

An entry is a plain dict, so that a table can be written to JSON as it is. Placeholders such as
`{run}` in a path, a header or a body stand for values captured from earlier answers.
"""

import json

API = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
JSON_TYPE = "application/json"

# The first prefix that fits decides the group of a route.
GROUP_PREFIXES = [
    ("/ajax-api/2.0/mlflow/experiments/search-datasets", "ui"),
    ("/ajax-api/2.0/mlflow/gateway-proxy", "ui"),
    ("/ajax-api/3.0/mlflow/ui-telemetry", "ui"),
    ("/graphql", "ui"),
    ("/ajax-api/2.0/mlflow/upload-artifact", "artifacts"),
    ("/get-artifact", "artifacts"),
    ("/api/2.0/mlflow-artifacts/", "artifacts"),
    ("/ajax-api/2.0/mlflow-artifacts/", "artifacts"),
    ("mlflow/artifacts/", "artifacts"),
    ("/artifacts/files", "artifacts"),
    ("mlflow/metrics/", "metric-history"),
    ("mlflow/runs/log-inputs", "inputs-outputs"),
    ("mlflow/runs/outputs", "inputs-outputs"),
    ("mlflow/runs/", "tracking-core"),
    ("mlflow/experiments/", "tracking-core"),
    ("mlflow/logged-models", "logged-models"),
    ("mlflow/registered-models", "model-registry"),
    ("mlflow/model-versions", "model-registry"),
    ("mlflow/webhooks", "webhooks"),
]


def group_of(path):
    """Names the group of endpoints that a path belongs to; what fits nowhere is `server`."""
    bare = path.split("?")[0]
    if bare == "/":
        return "ui"
    for prefix, group in GROUP_PREFIXES:
        if prefix in bare:
            return group
    return "server"


def whole_path(path):
    """Puts the API prefix before a short path; a path with a leading slash stays as it is."""
    return path if path.startswith("/") else API + path


def probe(label, method, path, body=None, **more):
    """Makes an entry.

    `body` is None (no body), bytes (sent as they are, without a content type), a str (sent as it
    is, as JSON) or a value that is written as JSON. `more` may hold `headers` (None as a value
    removes one), `capture` ({name: path into the JSON answer}), `setup` (True: a step that is
    there for later ones) and `compare` (`status`: the body is not compared nor kept; `any order`:
    the lists at the top of the answer are compared in any order).
    """
    headers = {}
    text = body
    if isinstance(body, (dict, list, str)):
        headers["Content-Type"] = JSON_TYPE
    if isinstance(body, (dict, list)):
        text = json.dumps(body, ensure_ascii=False)
    for name, value in (more.pop("headers", None) or {}).items():
        headers.pop(name, None)
        if value is not None:
            headers[name] = value
    path = whole_path(path)
    entry = {"label": label, "group": more.pop("group", None) or group_of(path)}
    entry["method"] = method
    entry["path"] = path
    entry["headers"] = headers
    entry["body"] = text
    entry.update(more)
    return entry


def get(label, path, **more):
    """Makes a GET entry."""
    return probe(label, "GET", path, **more)


def post(label, path, body=None, **more):
    """Makes a POST entry; without a body an empty JSON object is sent."""
    return probe(label, "POST", path, {} if body is None else body, **more)


def patch(label, path, body=None, **more):
    """Makes a PATCH entry; without a body an empty JSON object is sent."""
    return probe(label, "PATCH", path, {} if body is None else body, **more)


def delete(label, path, body=None, **more):
    """Makes a DELETE entry."""
    return probe(label, "DELETE", path, body, **more)
