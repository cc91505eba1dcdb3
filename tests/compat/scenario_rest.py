"""The raw part of the scenario: oddities that the client itself would not send."""

T0 = 1_600_000_000_000


def odd_requests(rec, home, ids):
    """Sends and records them all; `home` is an experiment, `ids` are runs of it."""
    _bodies(rec, home)
    _runs(rec, home, ids)
    _numbers(rec, ids[0])
    _searches(rec, home)
    _histories(rec, ids)
    _models(rec, home, ids)


def _bodies(rec, home):
    for label, body in [
        ("no body", None), ("number as name", {"name": 5}), ("list as name", {"name": ["x"]}),
        ("null name", {"name": None}), ("unknown field", {"name": f"{rec.mark} u", "zz": [1]}),
        ("camel case", {"name": f"{rec.mark} c", "artifactLocation": "s3://b/c"}),
        ("both cases", {"name": "b", "artifact_location": "x", "artifactLocation": "x"}),
        ("fragment", {"name": "f", "artifact_location": "s3://b/c#d"}),
        ("runs location", {"name": "r", "artifact_location": "runs:/x/y"}),
        ("tag without value", {"name": f"{rec.mark} t", "tags": [{"key": "k"}]}),
    ]:
        content = rec.rest.send("experiments/create", body).json() if body else {}
        if "experiment_id" in content:
            rec.experiment(content["experiment_id"])
            rec.ask(f"create: {label}", "GET", "experiments/get",
                    experiment_id=content["experiment_id"])
        else:
            rec.ask(f"create: {label}", "POST", "experiments/create", body or {})
    for path in ("experiments/get", "experiments/get-by-name", "runs/get", "metrics/get-history"):
        rec.ask(f"nothing given to {path}", "GET", path)
    for path in ("experiments/delete", "experiments/restore", "experiments/update", "runs/update",
                 "runs/delete", "runs/log-metric", "runs/log-parameter", "runs/set-tag",
                 "runs/delete-tag", "runs/log-batch", "runs/log-inputs", "runs/outputs",
                 "experiments/set-experiment-tag", "experiments/search", "logged-models"):
        rec.ask(f"empty body to {path}", "POST", path, {})
    rec.ask("rename to nothing", "POST", "experiments/update", {"experiment_id": home})


def _runs(rec, home, ids):
    for n, (label, extra) in enumerate([
        ("name and tag", {"run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]}),
        ("name by tag", {"tags": [{"key": "mlflow.runName", "value": "b"}]}),
        ("string time", {"start_time": str(T0 + 250)}), ("float time", {"start_time": 12.5}),
        ("user", {"user_id": "eve"}), ("empty user", {"user_id": ""}),
    ]):
        base = {"experiment_id": home, "start_time": T0 + 200 + n}
        rec.ask(f"create run: {label}", "POST", "runs/create", {**base, **extra})
    for label, body in [
        ("status by number", {"status": 3}), ("unknown status", {"status": "FOO"}),
        ("by uuid", {"run_uuid": ids[4], "run_id": None, "run_name": "again"}),
        ("empty name", {"run_name": ""}), ("end time as text", {"end_time": str(T0 + 900)}),
    ]:
        rec.ask(f"update run: {label}", "POST", "runs/update", {"run_id": ids[4], **body})
    rec.ask("run by uuid", "GET", "runs/get", run_uuid=ids[4])
    rec.ask("raw unknown run", "GET", "runs/get", run_id="abc")
    for label, body in [
        ("no value", {"key": "t"}), ("number", {"key": "t", "value": 5}),
        ("null", {"key": "t", "value": None}), ("empty key", {"key": "", "value": "v"}),
        ("odd key", {"key": "a*b", "value": "v"}), ("path key", {"key": "a/../b", "value": "v"}),
        ("unicode key", {"key": "größe", "value": "v"}),
        ("upward key", {"key": "../a", "value": "v"}),
    ]:
        for path in ("runs/set-tag", "runs/log-parameter"):
            rec.ask(f"{path}: {label}", "POST", path, {"run_id": ids[0], **body})
    rec.ask("run after odd writes", "GET", "runs/get", run_id=ids[0])


def _numbers(rec, run_id):
    values = ["NaN", "Infinity", "-Infinity", 1e308, "1.5", "abc", True, None, "", 3]
    for n, value in enumerate(values):
        body = {"run_id": run_id, "key": f"v{n}", "value": value, "timestamp": T0}
        rec.ask(f"metric value {value!r}", "POST", "runs/log-metric", body)
        rec.ask(f"metric value {value!r} read", "GET", "metrics/get-history",
                run_id=run_id, metric_key=f"v{n}")
    good = {"run_id": run_id, "key": "odd/one", "value": 1.0, "timestamp": T0, "step": 1}
    for field, value in [
        ("timestamp", None), ("timestamp", -1), ("timestamp", "x"), ("timestamp", str(T0)),
        ("step", "x"), ("step", -5), ("step", None), ("key", "k" * 251),
        ("key", None), ("key", 5), ("run_id", "nope"), ("key", "a:b c.d-e_f/g"),
    ]:
        rec.ask(f"metric {field} {str(value)[:20]!r}", "POST", "runs/log-metric",
                {**good, field: value})
    point = {"key": "b", "value": 1, "timestamp": T0, "step": 1}
    for label, body in [
        ("missing value", {"metrics": [{"key": "a", "timestamp": T0}]}),
        ("metrics as object", {"metrics": {"a": 1}}),
        ("param without key", {"params": [{"value": "v"}]}),
        ("1001 metrics", {"metrics": [{**point, "step": n} for n in range(1001)]}),
        ("101 tags", {"tags": [{"key": f"t{n}", "value": "v"} for n in range(101)]}),
        ("too many in all", {"metrics": [{**point, "step": n} for n in range(990)],
                             "params": [{"key": f"q{n}", "value": "v"} for n in range(50)]}),
        ("bad name last", {"metrics": [point, {**point, "key": "a*b"}]}),
    ]:
        rec.ask(f"batch: {label}", "POST", "runs/log-batch", {"run_id": run_id, **body})


def _searches(rec, home):
    base = {"experiment_ids": [home]}
    for label, extra in [
        ("zero", {"max_results": 0}), ("negative", {"max_results": -1}),
        ("too many", {"max_results": 50_001}), ("as text", {"max_results": "2"}),
        ("bad token", {"page_token": "garbage"}), ("view by number", {"run_view_type": 3}),
        ("unknown view", {"run_view_type": "FOO"}), ("filter as number", {"filter": 5}),
        ("order as text", {"order_by": "start_time"}), ("ids as text", {"experiment_ids": "1"}),
        ("unknown ids", {"experiment_ids": ["123456789"]}),
        ("ids abc", {"experiment_ids": ["abc"]}),
    ]:
        found = rec.rest.send("runs/search", {"order_by": ["start_time"], **base, **extra})
        body = found.json()
        names = [run["info"]["run_name"] for run in body.get("runs", [])]
        short = {k: v for k, v in body.items() if k not in ("runs", "next_page_token")}
        rec.note(f"runs/search: {label}", [found.status_code, names, short])
    for label, body in [
        ("zero", {"max_results": 0}), ("too many", {"max_results": 50_001}),
        ("bad token", {"max_results": 5, "page_token": "garbage"}),
        ("bad filter", {"max_results": 5, "filter": "nothing = 'x'"}),
        ("id filter", {"max_results": 5, "filter": f"experiment_id = '{home}'"}),
        ("bad order", {"max_results": 5, "order_by": ["nothing"]}),
        ("tag order", {"max_results": 5, "order_by": ["tags.a"]}),
        ("by name", {"max_results": 5, "filter": f"name LIKE '{rec.mark} _'",
                     "order_by": ["name DESC"]}),
    ]:
        rec.ask(f"experiments/search: {label}", "POST", "experiments/search", body)


def _histories(rec, ids):
    bulk = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
    rec.ask("history page", "GET", "metrics/get-history", run_id=ids[1], metric_key="loss",
            max_results=10)
    rec.ask("history of none", "GET", "metrics/get-history", run_id=ids[1], metric_key="loss",
            max_results=0)
    rec.ask("history of unknown run", "GET", "metrics/get-history", run_id="abc", metric_key="m")
    rec.ask("bulk", "GET", bulk, run_id=ids[2], metric_key="loss")
    rec.ask("bulk without key", "GET", bulk, run_id=ids[2])
    rec.ask("bulk without run", "GET", bulk, metric_key="loss")
    interval = "metrics/get-history-bulk-interval"
    for label, query in [
        ("all", {}), ("two", {"max_results": 2}), ("range", {"start_step": 0, "end_step": 1}),
        ("half a range", {"start_step": 0}), ("backwards", {"start_step": 2, "end_step": 1}),
        ("too many", {"max_results": 2501}), ("none", {"max_results": 0}),
        ("text", {"max_results": "x"}), ("unknown run", {"run_ids": "abc"}),
    ]:
        rec.ask(f"interval: {label}", "GET", interval,
                **{"run_ids": ids[1], "metric_key": "loss", "max_results": 5, **query})


def _models(rec, home, ids):
    base = {"experiment_id": home, "name": "raw"}
    made = rec.ask("raw model", "POST", "logged-models", base)["model"]["info"]["model_id"]
    rec.ask("raw model read", "GET", f"logged-models/{made}")
    rec.ask("raw finalize without id", "PATCH", f"logged-models/{made}", {"status": 2})
    rec.ask("raw finalize by number", "PATCH", f"logged-models/{made}",
            {"model_id": made, "status": 2})
    for name in ("", "a:b", "a%b", "a.b", 'a"b', 5):
        rec.ask(f"model named {name!r}", "POST", "logged-models", {**base, "name": name})
    rec.ask("model in unknown experiment", "POST", "logged-models",
            {**base, "experiment_id": "123456789"})
    rec.ask("raw model params", "POST", f"logged-models/{made}/params",
            {"model_id": made, "params": [{"key": "k", "value": "v"}]})
    rec.ask("model folder", "GET", f"logged-models/{made}/artifacts/directories")
    rec.ask("delete raw model", "DELETE", f"logged-models/{made}", {"model_id": made})
    rec.ask("deleted raw model", "GET", f"logged-models/{made}")
    rec.ask("deleted raw model allowed", "GET", f"logged-models/{made}", allow_deleted="true")
    rec.ask("search no experiments", "POST", "logged-models/search", {})
    rec.ask("output of a deleted model", "POST", "runs/outputs",
            {"run_id": ids[0], "models": [{"model_id": made, "step": 1}]})
