"""Logged models: every route, and search over a fixed set of five."""

from tables.entry import delete, get, patch, post
from tables.more_search import pairs, token, with_page_captures

LM = "logged-models"


def creation():
    """Making models and the checks of each field."""

    def make(label, **fields):
        return post(f"model: {label}", LM, {"experiment_id": "{me}", "name": "n", **fields})

    return [
        post("model: experiment", "experiments/create", {"name": "models"},
             capture={"me": "experiment_id"}),
        post("model: second experiment", "experiments/create", {"name": "models two"},
             capture={"me2": "experiment_id"}),
        post("model: run", "runs/create", {"experiment_id": "{me}", "run_name": "mr"},
             capture={"mr": "run.info.run_id"}),
        post("model: whole", LM,
             {"experiment_id": "{me}", "name": "whole", "model_type": "Agent",
              "source_run_id": "{mr}", "params": pairs({"p": "1", "q": "x"}),
              "tags": pairs({"t": "1", "u": ""})}, capture={"mw": "model.info.model_id"}),
        post("model: in an empty experiment", LM, {"experiment_id": "{me2}"}),
        make("no experiment", experiment_id=None),
        make("unknown experiment", experiment_id="4242"),
        make("experiment abc", experiment_id="abc"),
        make("experiment int", experiment_id=0),
        make("empty name", experiment_id="{me2}", name=""),
        make("int name", name=5),
        *[make(f"name {n!r}", name=n) for n in ("a/b", "a:b", "a%b", 'a"b', "a'b")],
        make("type int", model_type=5),
        make("run unknown", experiment_id="{me2}", source_run_id="abc"),
        make("run int", source_run_id=5),
        make("new params text", params="x"),
        make("params of texts", params=["x"]),
        make("param without key", params=[{"value": "1"}]),
        make("param without value", experiment_id="{me2}", params=[{"key": "k"}]),
        make("param int value", params=[{"key": "k", "value": 5}]),
        make("param twice", params=[*pairs({"k": "1"}), *pairs({"k": "2"})]),
        make("param key 251", params=pairs({"k" * 251: "v"})),
        make("param value 6001", experiment_id="{me2}", params=pairs({"k": "v" * 6001})),
        make("new tags text", tags="x"),
        make("tag without key", tags=[{"value": "1"}]),
        make("tag twice", tags=[*pairs({"k": "1"}), *pairs({"k": "2"})]),
        make("tag key 251", tags=pairs({"k" * 251: "v"})),
        make("tag value 8001", experiment_id="{me2}", tags=pairs({"k": "v" * 8001})),
    ]  # fmt: skip


def life():
    """Reading, finalizing, params, tags, deletion."""
    one = f"{LM}/{{mw}}"
    zero = f"{LM}/m-{'0' * 32}"

    def finalize(label, status, path=one, model="{mw}"):
        return patch(f"model: finalize {label}", path, {"model_id": model, "status": status})

    return [
        get("model: get", one),
        get("model: get unknown", zero),
        get("model: get odd id", f"{LM}/abc"),
        get("model: get ajax", "/ajax-api/2.0/mlflow/logged-models/{mw}"),
        get("model: get allow_deleted bad", f"{one}?allow_deleted=maybe"),
        finalize("unknown", "LOGGED_MODEL_READY", zero, "m-" + "0" * 32),
        patch("model: finalize nothing", one),
        patch("model: finalize without id", one, {"status": "LOGGED_MODEL_READY"}),
        finalize("without status", None),
        finalize("bad", "FOO"),
        finalize("99", 99),
        finalize("object", {}),
        finalize("pending", "LOGGED_MODEL_PENDING"),
        finalize("unspecified", "LOGGED_MODEL_STATUS_UNSPECIFIED"),
        finalize("failed", "LOGGED_MODEL_UPLOAD_FAILED"),
        finalize("ready", "LOGGED_MODEL_READY"),
        finalize("other id in body", "LOGGED_MODEL_READY", one, "m-" + "0" * 32),
        post("model: params", f"{one}/params", {"params": pairs({"r": "2"})}),
        post("model: params again", f"{one}/params", {"params": pairs({"r": "3"})}),
        post("model: params same again", f"{one}/params", {"params": pairs({"r": "2"})}),
        post("model: params none", f"{one}/params"),
        post("model: params text", f"{one}/params", {"params": "x"}),
        post("model: params without key", f"{one}/params", {"params": [{"value": "1"}]}),
        post("model: params int value", f"{one}/params", {"params": [{"key": "i", "value": 5}]}),
        post("model: params key 251", f"{one}/params", {"params": pairs({"k" * 251: "v"})}),
        post("model: params bad key", f"{one}/params", {"params": pairs({"a*b": "v"})}),
        post("model: params unknown model", f"{zero}/params", {"params": pairs({"a": "1"})}),
        patch("model: tags", f"{one}/tags", {"tags": pairs({"t": "2", "new": "n"})}),
        patch("model: tags none", f"{one}/tags"),
        patch("model: tags text", f"{one}/tags", {"tags": "x"}),
        patch("model: tags without key", f"{one}/tags", {"tags": [{"value": "1"}]}),
        patch("model: tags key 251", f"{one}/tags", {"tags": pairs({"k" * 251: "v"})}),
        patch("model: tags bad key", f"{one}/tags", {"tags": pairs({"a*b": "v"})}),
        patch("model: tags twice", f"{one}/tags",
              {"tags": [*pairs({"tw": "1"}), *pairs({"tw": "2"})]}),
        patch("model: tags unknown model", f"{zero}/tags", {"tags": pairs({"a": "1"})}),
        delete("model: untag", f"{one}/tags/new"),
        delete("model: untag unknown model", f"{zero}/tags/new"),
        delete("model: untag slash", f"{one}/tags/a%2Fb"),
        get("model: get after all", one),
        get("model: directories", f"{one}/artifacts/directories?artifact_directory_path=sub"),
        get("model: directories traversal",
            f"{one}/artifacts/directories?artifact_directory_path=../.."),
        get("model: directories unknown", f"{zero}/artifacts/directories"),
        delete("model: delete unknown", zero),
        post("model: metric of an unknown model", "runs/log-metric",
             {"run_id": "{mr}", "key": "k", "value": 1, "timestamp": 1, "model_id": "m-0"}),
    ]  # fmt: skip


def fixed_set():
    """Makes five models with metrics on datasets; each is newer than the one before."""
    steps = [
        post("models: experiment", "experiments/create", {"name": "model search"},
             capture={"ms": "experiment_id"}),
        post("models: run", "runs/create",
             {"experiment_id": "{ms}", "run_name": "src", "start_time": 1},
             capture={"msr": "run.info.run_id"}),
    ]  # fmt: skip
    models = [
        ("a1", "alpha", "Agent", {"lr": "0.1"}, {"env": "Prod"}),
        ("a2", "beta", "", {"lr": "0.01"}, {"env": "prod", "my tag": "x y"}),
        ("a3", "alpha", None, {}, {}),
        ("a4", "Gamma_x", "Agent", {"lr": "0.1", "opt": "adam"}, {}),
        ("a5", "lost", None, {}, {"env": "Prod"}),
    ]
    for ref, name, kind, params, tags in models:
        body = {"experiment_id": "{ms}", "name": name, "params": pairs(params),
                "tags": pairs(tags)}  # fmt: skip
        if kind is not None:
            body["model_type"] = kind
        if ref in ("a1", "a4"):
            body["source_run_id"] = "{msr}"
        steps.append(post(f"models: {ref}", LM, body, capture={ref: "model.info.model_id"}))
    metrics = [
        ("a1", "acc", 0.5, 1, 0, None), ("a1", "acc", 0.7, 2, 1, ("train", "d1")),
        ("a2", "acc", 0.9, 1, 0, ("train", "d1")), ("a3", "acc", "NaN", 1, 0, None),
        ("a4", "acc", 0.2, 1, 0, ("test", "e2")), ("a2", "val loss", 3, 1, 0, None),
    ]  # fmt: skip
    for number, (ref, key, value, time, step, data) in enumerate(metrics):
        body = {"run_id": "{msr}", "key": key, "value": value, "timestamp": time, "step": step,
                "model_id": "{%s}" % ref}  # fmt: skip
        if data:
            body["dataset_name"] = data[0]
            body["dataset_digest"] = data[1]
        steps.append(post(f"models: metric {number}", "runs/log-metric", body))
    one = {"key": "batch", "value": 2, "timestamp": 3, "step": 0, "model_id": "{a2}",
           "dataset_name": "train", "dataset_digest": "d1", "run_id": "ignored"}  # fmt: skip
    return [
        *steps,
        post("models: batch", "runs/log-batch", {"run_id": "{msr}", "metrics": [one]}),
        patch("models: ready a1", f"{LM}/{{a1}}",
              {"model_id": "{a1}", "status": "LOGGED_MODEL_READY"}),
        patch("models: failed a4", f"{LM}/{{a4}}",
              {"model_id": "{a4}", "status": "LOGGED_MODEL_UPLOAD_FAILED"}),
        delete("models: delete lost", f"{LM}/{{a5}}"),
        get("models: history of the run", "metrics/get-history?run_id={msr}&metric_key=acc"),
        get("models: run with metrics", "runs/get?run_id={msr}"),
        post("models: dataset name alone", "runs/log-metric",
             {"run_id": "{msr}", "key": "half", "value": 1, "timestamp": 1, "model_id": "{a3}",
              "dataset_name": "test"}),
    ]  # fmt: skip


FILTERS = [
    "", "name = 'alpha'", "name != 'alpha'", "name LIKE 'al%'", "name LIKE 'AL%'",
    "name ILIKE 'GAMMA_X'", "name IN ('alpha', 'beta')", "name NOT IN ('alpha')",
    "attributes.name = 'beta'", "attribute.name = 'beta'", "model_id = '{a1}'",
    "model_id IN ('{a1}', '{a2}')", "model_type = 'Agent'", "model_type = ''",
    "status = 'READY'", "status = 'PENDING'", "status != 'READY'", "status = 'LOGGED_MODEL_READY'",
    "source_run_id = '{msr}'", "experiment_id = '{ms}'", "lifecycle_stage = 'deleted'",
    "artifact_location LIKE '%{a1}%'", "creation_timestamp > 0", "creation_timestamp_ms < 1",
    "creation_time >= 0 AND name = 'beta'", "last_updated_timestamp > 0",
    "last_updated_timestamp_ms = 0", "creation_timestamp = 'x'", "metrics.acc > 0.5",
    "metrics.acc >= 0.5", "metrics.acc = 0.7", "metrics.acc != 0.9", "metrics.acc < 0.6",
    "metrics.`val loss` = 3", "metric.acc > 0.5", "metrics.acc LIKE 'x'", "metrics.acc > 'x'",
    "metrics.missing > 0", "params.lr = '0.1'", "params.lr != '0.1'", "params.lr LIKE '0.0%'",
    "params.lr IN ('0.1', '0.01')", "params.lr > '0.1'", "params.lr = 0.1", "param.lr = '0.1'",
    "tags.env = 'Prod'", "tags.env ILIKE 'PROD'", "tags.`my tag` = 'x y'", "tags.env IS NULL",
    "tags.env != 'Prod'", "tags.env = 'prod' AND params.lr = '0.01'", "name = \"alpha\"",
    "name = 'alpha' OR name = 'beta'", "foo = 'x'", "name", "name = ", "(name = 'alpha')",
    "name > 'a'", "name = 5", "name = 'alpha';",
]  # fmt: skip

DATASETS = [
    [{"dataset_name": "train", "dataset_digest": "d1"}], [{"dataset_name": "train"}],
    [{"dataset_name": "test"}],
    [{"dataset_name": "train", "dataset_digest": "d1"}, {"dataset_name": "test"}],
    [{"dataset_digest": "d1"}], [{"dataset_name": ""}], "x", ["x"],
]  # fmt: skip

ORDERS = [
    [{"field_name": "name"}], [{"field_name": "name", "ascending": False}],
    [{"field_name": "creation_timestamp"}],
    [{"field_name": "creation_timestamp_ms", "ascending": False}],
    [{"field_name": "creation_time"}], [{"field_name": "last_updated_timestamp"}],
    [{"field_name": "model_type"}, {"field_name": "name"}], [{"field_name": "status"}],
    [{"field_name": "metrics.acc"}], [{"field_name": "metrics.acc", "ascending": False}],
    [{"field_name": "metrics.acc", "dataset_name": "train", "dataset_digest": "d1"}],
    [{"field_name": "metrics.acc", "dataset_name": "train"}],
    [{"field_name": "metrics.acc", "dataset_digest": "d1"}],
    [{"field_name": "name", "dataset_name": "train"}], [{"field_name": "metrics.missing"}],
    [{"field_name": "params.lr"}], [{"field_name": "tags.env"}], [{"field_name": "foo"}],
    [{"field_name": "attributes.name"}], [{}], [{"field_name": 5}], ["name"], "name",
    [{"field_name": "name", "ascending": "false"}],
]  # fmt: skip


def searching():
    """Filters, datasets, orders and pages."""

    def search(label, **fields):
        return post(f"models {label}", f"{LM}/search", {"experiment_ids": ["{ms}"], **fields})

    numeric = [{"dataset_name": "train", "dataset_digest": "d1"}]
    by_name = [{"field_name": "name"}]
    return [
        *[search(f"filter: {text!r}", filter=text) for text in FILTERS],
        *[search(f"datasets: {d!r}", filter="metrics.acc > 0", datasets=d) for d in DATASETS],
        search("datasets without filter", datasets=numeric),
        *[search(f"order: {order!r}", order_by=order) for order in ORDERS],
        search("page 1", max_results=2, order_by=by_name, capture_page="lp1"),
        search("page 2", max_results=2, order_by=by_name, page_token="{lp1}"),
        search("page of another order", max_results=2, page_token="{lp1}"),
        search("page of another filter", max_results=2, order_by=by_name, page_token="{lp1}",
               filter="name = 'beta'"),
        search("token bad", page_token="abc"),
        search("token of another kind", page_token=token({"offset": 1})),
        search("max_results 0", max_results=0),
        search("max_results -1", max_results=-1),
        search("max_results text", max_results="x"),
        search("max_results 100000", max_results=100000, filter="name = 'beta'"),
        search("experiments text", experiment_ids="1"),
        search("experiments int", experiment_ids=[1]),
        search("experiments abc", experiment_ids=["abc"]),
        search("experiments empty", experiment_ids=[]),
        search("experiments unknown", experiment_ids=["4242"]),
        search("filter int", filter=5),
    ]  # fmt: skip


def table():
    """Gives this part of the table."""
    return with_page_captures([*creation(), *life(), *fixed_set(), *searching()])
