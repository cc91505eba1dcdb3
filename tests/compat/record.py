"""Records what a server answers, with everything that differs by nature replaced.

Ids become `<id 1>`, `<id 2>` .. in the order in which they first appear, times of the moment
`<now>`, the server's address `<server>`, generated run names `<random name>`. It never hides a
status, an error code, a message, an order or a missing field.
"""

import json
import math
import re
import time

import pandas as pd
from mlflow.exceptions import MlflowException
from support import Rest

HEX_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
RANDOM_NAME = re.compile(r"[a-z]+-[a-z]+-\d{1,4}")
# The words MLflow adds from its database driver; they are not part of the protocol.
DRIVER_TEXT = re.compile(r"( Error:)? ?\((raised as|sqlite3\.|psycopg2\.).*", re.DOTALL)
# MLflow prints Python sets in its messages: their order changes with every start of the server.
PRINTED_SET = re.compile(r"\{('[^'{}]*'(?:, '[^'{}]*')+)\}")


class Recorder:
    """Calls a server and keeps a list of (label, normalised result)."""

    def __init__(self, url, mark):
        self.url = url
        self.mark = mark
        self.rest = Rest(url)
        self.started = time.time() * 1000 - 60_000
        self.ids = {}
        self.experiments = {}
        self.entries = []

    def experiment(self, experiment_id):
        """Makes an experiment id known; gives it back."""
        self.experiments.setdefault(str(experiment_id), f"<experiment {len(self.experiments) + 1}>")
        return experiment_id

    def note(self, label, value):
        """Records a value; gives it back as it was."""
        self.entries.append((label, self.plain(value)))
        return value

    def call(self, label, function, *args, **kwargs):
        """Calls it and records the result, or the error code and message it raised."""
        try:
            return self.note(label, function(*args, **kwargs))
        except MlflowException as e:
            self.note(label, {"error_code": e.error_code, "message": e.message})
            return None

    def ask(self, label, method, path, body=None, /, **params):
        """One raw request; records status, media type and body."""
        answer = self.rest.session.request(
            method, self.rest.at(path), json=body, params=params, timeout=60
        )
        media = answer.headers.get("Content-Type", "").split(";")[0]
        try:
            content = answer.json()
        except ValueError:
            content = answer.text
        self.note(label, {"status": answer.status_code, "type": media, "body": content})
        return content

    def plain(self, value, key=None):
        """The value as JSON-able data with every changing part replaced."""
        if isinstance(value, dict):
            return {str(self.text(str(k))): self.plain(v, k) for k, v in value.items()}
        if isinstance(value, pd.DataFrame):
            records = value[sorted(value.columns)].to_dict("records")
            return [self.plain(record) for record in records]
        if isinstance(value, (list, tuple, set)):
            return self.sequence([self.plain(item, key) for item in value])
        if isinstance(value, bool) or value is None:
            return value
        if value is pd.NaT:
            return "<NaT>"
        if isinstance(value, pd.Timestamp):
            return self.plain(int(value.timestamp() * 1000))
        if isinstance(value, float):
            return "<NaN>" if math.isnan(value) else value
        if isinstance(value, int):
            return "<now>" if self.started <= value <= self.started + 3_600_000 else value
        if isinstance(value, str):
            return self.experiments.get(value) if self.names_one(key, value) else self.text(value)
        if hasattr(value, "__iter__") and not isinstance(value, (bytes, str)):
            return self.plain({k: v for k, v in value if not k.startswith("_")})
        return str(getattr(value, "value", value))

    def names_one(self, key, value):
        """Whether this field holds the id of a known experiment."""
        return key in ("experiment_id", "experiment_ids") and value in self.experiments

    @staticmethod
    def sequence(items):
        """The list, sorted by key where the protocol gives no order: params, tags, metrics."""
        if items and all(isinstance(i, dict) and {"key", "value"} <= set(i) for i in items):
            if not any("step" in i and "run_id" not in i for i in items):
                return sorted(items, key=lambda i: json.dumps(i, sort_keys=True))
            if len({i["key"] for i in items}) == len(items):
                return sorted(items, key=lambda i: i["key"])
        return items

    def text(self, value):
        """A text with ids, addresses, generated names and driver words replaced."""
        value = value.replace(self.url, "<server>").replace(self.mark, "<mark>")
        value = HEX_ID.sub(self.numbered, value)
        for experiment_id, name in self.experiments.items():
            for before in ("mlflow-artifacts:/", "experiment with id ", "Experiment with id=",
                           "The experiment ", "experiment ID ", "experiment_id="):
                value = re.sub(rf"{before}{experiment_id}\b", f"{before}{name}", value)
            value = re.sub(rf"\b{experiment_id}(?=/<id )", name, value)
        if RANDOM_NAME.fullmatch(value):
            return "<random name>"
        value = PRINTED_SET.sub(lambda m: f"{{{', '.join(sorted(m[1].split(', ')))}}}", value)
        return DRIVER_TEXT.sub("", value)

    def numbered(self, match):
        """The stable name of a 32-digit id."""
        return self.ids.setdefault(match.group(0), f"<id {len(self.ids) + 1}>")


def flat(value, path=""):
    """Every leaf of nested data as {path: leaf}; empty containers are leaves."""
    if isinstance(value, dict) and value:
        items = ((f"{path}.{k}", v) for k, v in value.items())
    elif isinstance(value, list) and value:
        items = ((f"{path}[{n}]", v) for n, v in enumerate(value))
    else:
        return {path: value}
    return {leaf: v for inner, item in items for leaf, v in flat(item, inner).items()}


def differences(expected, found, names=("expected", "found")):
    """Readable lines for two records: which label, which field, which two values."""
    lines = {}
    theirs, ours = dict(expected), dict(found)
    for label in list(dict.fromkeys([*theirs, *ours])):
        a, b = flat(theirs.get(label, "<no entry>")), flat(ours.get(label, "<no entry>"))
        rows = [
            f"    {path or '(value)'}\n      {names[0]}: {a.get(path, '<absent>')!r}\n"
            f"      {names[1]}: {b.get(path, '<absent>')!r}"
            for path in sorted({*a, *b})
            if a.get(path, "<absent>") != b.get(path, "<absent>")
        ]
        if rows:
            lines[label] = [f"  {label}", *rows]
    return lines
