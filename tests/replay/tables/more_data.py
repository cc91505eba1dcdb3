"""Metric history in all its readings, and the inputs and outputs of runs."""

from tables.entry import get, post
from tables.more_search import pairs

HISTORY = "metrics/get-history"
BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
INTERVAL = "metrics/get-history-bulk-interval"


def points():
    """Makes two runs: one with thirty steps, one with the awkward points."""
    curve = [
        {"key": "loss", "value": 30 - i, "timestamp": 100 + i, "step": i} for i in range(30)
    ]
    odd = [
        (1, 5, 1), (1, 5, 0), (1, 5, 0), (2, 5, 0), ("NaN", 5, 0), (3, 4, -7), (4, 9, 0),
        ("Infinity", 6, 2), ("-Infinity", 6, 2), (-0.0, 7, 3), (1e-300, 8, 3),
    ]  # fmt: skip
    awkward = [{"key": "odd", "value": v, "timestamp": t, "step": s} for v, t, s in odd]
    return [
        post("history: experiment", "experiments/create", {"name": "history"},
             capture={"he": "experiment_id"}),
        post("history: run", "runs/create", {"experiment_id": "{he}", "run_name": "h1"},
             capture={"h1": "run.info.run_id"}),
        post("history: second run", "runs/create", {"experiment_id": "{he}", "run_name": "h2"},
             capture={"h2": "run.info.run_id"}),
        post("history: curve", "runs/log-batch", {"run_id": "{h1}", "metrics": curve}),
        post("history: curve again", "runs/log-batch", {"run_id": "{h1}", "metrics": curve[:5]}),
        post("history: odd points", "runs/log-batch", {"run_id": "{h2}", "metrics": awkward}),
        post("history: short curve", "runs/log-batch", {"run_id": "{h2}", "metrics": curve[10:13]}),
    ]  # fmt: skip


def history():
    """get-history, its pages and its refusals."""
    one = f"{HISTORY}?run_id={{h1}}&metric_key=loss"
    return [
        get("history: all", one),
        get("history: odd in order", f"{HISTORY}?run_id={{h2}}&metric_key=odd"),
        get("history: by run_uuid", f"{HISTORY}?run_uuid={{h2}}&metric_key=loss"),
        get("history: unknown key", f"{HISTORY}?run_id={{h1}}&metric_key=zz"),
        get("history: no run", f"{HISTORY}?metric_key=loss"),
        get("history: empty key", f"{HISTORY}?run_id={{h1}}&metric_key="),
        get("history: page 1", f"{one}&max_results=12", capture={"hp1": "next_page_token"}),
        get("history: page 2", f"{one}&max_results=12&page_token={{hp1}}",
            capture={"hp2": "next_page_token"}),
        get("history: page 3", f"{one}&max_results=12&page_token={{hp2}}"),
        get("history: page of exactly all", f"{one}&max_results=30"),
        get("history: token without max_results", f"{one}&page_token={{hp1}}"),
        get("history: token bad", f"{one}&max_results=5&page_token=abc"),
        get("history: max_results -1", f"{one}&max_results=-1"),
        get("history: max_results text", f"{one}&max_results=x"),
        get("history: max_results huge", f"{one}&max_results=99999999999"),
        get("history: max_results 25001", f"{one}&max_results=25001"),
        get("history: latest values", "runs/get?run_id={h2}"),
    ]  # fmt: skip


def bulk():
    """get-history-bulk and the sampled get-history-bulk-interval."""
    both = "run_id={h1}&run_id={h2}"
    hundred = "&".join(f"run_id=r{i}" for i in range(101))
    sampled = f"{INTERVAL}?run_ids={{h1}}&metric_key=loss"
    too_many = "&".join(f"run_ids=r{i}" for i in range(101))
    return [
        get("bulk: one run", f"{BULK}?run_id={{h1}}&metric_key=loss&max_results=3"),
        get("bulk: odd", f"{BULK}?run_id={{h2}}&metric_key=odd"),
        get("bulk: unknown run", f"{BULK}?run_id=abc&metric_key=loss"),
        get("bulk: no run", f"{BULK}?metric_key=loss"),
        get("bulk: no key", f"{BULK}?{both}"),
        get("bulk: 101 runs", f"{BULK}?{hundred}&metric_key=loss"),
        get("bulk: max_results 0", f"{BULK}?{both}&metric_key=loss&max_results=0"),
        get("bulk: max_results text", f"{BULK}?{both}&metric_key=loss&max_results=x"),
        get("interval: all", sampled),
        get("interval: 5", f"{sampled}&max_results=5"),
        get("interval: 7", f"{sampled}&max_results=7"),
        get("interval: 29", f"{sampled}&max_results=29"),
        get("interval: 30", f"{sampled}&max_results=30"),
        get("interval: 1", f"{sampled}&max_results=1"),
        get("interval: 2", f"{sampled}&max_results=2"),
        get("interval: steps 5 to 9", f"{sampled}&start_step=5&end_step=9"),
        get("interval: steps 5 to 25, 4", f"{sampled}&start_step=5&end_step=25&max_results=4"),
        get("interval: steps -10 to 2", f"{sampled}&start_step=-10&end_step=2"),
        get("interval: steps 9 to 5", f"{sampled}&start_step=9&end_step=5"),
        get("interval: steps 5 to 5", f"{sampled}&start_step=5&end_step=5"),
        get("interval: start only", f"{sampled}&start_step=5"),
        get("interval: end only", f"{sampled}&end_step=5"),
        get("interval: start text", f"{sampled}&start_step=x&end_step=5"),
        get("interval: max 0", f"{sampled}&max_results=0"),
        get("interval: max 2501", f"{sampled}&max_results=2501"),
        get("interval: max 2500", f"{sampled}&max_results=2500"),
        get("interval: max text", f"{sampled}&max_results=x"),
        get("interval: odd", f"{INTERVAL}?run_ids={{h2}}&metric_key=odd"),
        get("interval: odd 4", f"{INTERVAL}?run_ids={{h2}}&metric_key=odd&max_results=4"),
        get("interval: two steps apart",
            f"{INTERVAL}?run_ids={{h2}}&run_ids=abc&metric_key=loss&max_results=2"),
        get("interval: unknown run", f"{INTERVAL}?run_ids=abc&metric_key=loss"),
        get("interval: no run", f"{INTERVAL}?metric_key=loss"),
        get("interval: no key", f"{INTERVAL}?run_ids={{h1}}"),
        get("interval: 101 runs", f"{INTERVAL}?{too_many}&metric_key=loss"),
        get("interval: ajax",
            "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={h1}"
            "&metric_key=loss&max_results=3"),
    ]  # fmt: skip


def dataset(name="ds", digest="d", **more):
    """Spells a dataset."""
    return {"name": name, "digest": digest, "source_type": "local", "source": "s", **more}


def inputs():
    """log-inputs, its limits, and what runs/get and runs/search show of it."""
    path = "runs/log-inputs"

    def send(label, one, tags=None):
        item = {"dataset": one, "tags": tags or []}
        return post(f"inputs: {label}", path, {"run_id": "{ir}", "datasets": [item]})

    def raw(label, **fields):
        return post(f"inputs: {label}", path, {"run_id": "{ir}", **fields})

    def lacks(name):
        return send(f"dataset without {name}", {k: v for k, v in dataset().items() if k != name})

    limits = [("name", 500), ("digest", 36), ("source", 65535), ("schema", 1048575)]
    context = pairs({"mlflow.data.context": "training"})
    return [
        post("inputs: experiment", "experiments/create", {"name": "inputs"},
             capture={"ie": "experiment_id"}),
        post("inputs: run", "runs/create",
             {"experiment_id": "{ie}", "run_name": "in", "start_time": 5},
             capture={"ir": "run.info.run_id"}),
        send("good", dataset(schema="{}", profile="{}"), context),
        send("the same again with other tags", dataset(source="other"), pairs({"x": "y"})),
        send("another digest", dataset(digest="d2")),
        raw("two in one", datasets=[{"dataset": dataset("a"), "tags": []},
                                    {"dataset": dataset("b"), "tags": context}]),
        raw("the same twice", datasets=[{"dataset": dataset("tw"), "tags": []},
                                        {"dataset": dataset("tw"), "tags": []}]),
        *[lacks(name) for name in ("name", "digest", "source_type", "source")],
        *[send(f"{n} over {size}", dataset(**{n: "x" * (size + 1)})) for n, size in limits[:3]],
        send("name at 500", dataset(name="x" * 500)),
        send("name empty", dataset(name="")),
        send("name int", dataset(name=5)),
        send("tag key 256", dataset("t1"), pairs({"k" * 256: "v"})),
        send("tag value 501", dataset("t2"), pairs({"k": "v" * 501})),
        send("tag without key", dataset("t3"), [{"value": "v"}]),
        send("tag without value", dataset("t4"), [{"key": "k"}]),
        send("tag twice", dataset("t5"), [*pairs({"k": "1"}), *pairs({"k": "2"})]),
        raw("none"),
        raw("datasets text", datasets="x"),
        raw("datasets of texts", datasets=["x"]),
        raw("dataset missing", datasets=[{"tags": []}]),
        raw("dataset without tags", datasets=[{"dataset": dataset("nt")}]),
        raw("datasets null", datasets=None),
        raw("models", models=[{"model_id": "m-" + "0" * 32}]),
        raw("models text", models="x"),
        raw("model without id", models=[{}]),
        post("inputs: no run", path, {"datasets": []}),
        post("inputs: unknown run", path,
             {"run_id": "abc", "datasets": [{"dataset": dataset(), "tags": []}]}),
        post("inputs: bad run", path, {"run_id": "a/b", "datasets": []}),
        get("inputs: get", "runs/get?run_id={ir}"),
        post("inputs: search", "runs/search", {"experiment_ids": ["{ie}"]}),
    ]  # fmt: skip


def outputs():
    """Outputs of a run, and the datasets of experiments."""
    path = "runs/outputs"
    datasets = "/ajax-api/2.0/mlflow/experiments/search-datasets"

    def send(label, **fields):
        return post(f"outputs: {label}", path, {"run_id": "{ir}", **fields})

    return [
        post("outputs: model", "logged-models",
             {"experiment_id": "{ie}", "name": "out", "source_run_id": "{ir}"},
             capture={"om": "model.info.model_id"}),
        send("good", models=[{"model_id": "{om}", "step": 3}]),
        send("again", models=[{"model_id": "{om}", "step": 4}]),
        send("step text", models=[{"model_id": "{om}", "step": "5"}]),
        send("without step", models=[{"model_id": "{om}"}]),
        send("without id", models=[{"step": 1}]),
        send("unknown model", models=[{"model_id": "m-" + "0" * 32, "step": 1}]),
        send("none"),
        send("text", models="x"),
        send("of texts", models=["x"]),
        post("outputs: no run", path, {"models": []}),
        post("outputs: unknown run", path, {"run_id": "abc", "models": [{"model_id": "{om}"}]}),
        get("outputs: get", "runs/get?run_id={ir}"),
        post("outputs: search", "runs/search", {"experiment_ids": ["{ie}"]}),
        post("datasets: of one", datasets, {"experiment_ids": ["{se}"]}),
        post("datasets: of two", datasets, {"experiment_ids": ["{se}", "{se2}"]}),
        post("datasets: unknown", datasets, {"experiment_ids": ["4242"]}),
        post("datasets: 21", datasets, {"experiment_ids": [str(i) for i in range(21)]}),
        post("datasets: none", datasets),
        post("datasets: text", datasets, {"experiment_ids": "1"}),
        post("datasets: int", datasets, {"experiment_ids": [1]}),
        post("datasets: abc", datasets, {"experiment_ids": ["abc"]}),
    ]  # fmt: skip


def table():
    """Gives this part of the table."""
    return [*points(), *history(), *bulk(), *inputs(), *outputs()]
