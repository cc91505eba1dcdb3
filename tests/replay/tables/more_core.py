"""Experiments, runs, params, tags and batches: every field missing or of a wrong type, the
limits, the rules for names, and writes to what is deleted."""

from tables.entry import get, post, probe
from tables.more_search import pairs


def experiments():
    """Making, renaming, deleting and tagging experiments."""
    create = "experiments/create"
    tag = "experiments/set-experiment-tag"
    untag = "experiments/delete-experiment-tag"
    me = {"experiment_id": "{ce}"}

    def make(label, **fields):
        return post(f"experiment {label}", create, fields)

    return [
        probe("experiment without content type", "POST", create, b'{"name": "raw"}'),
        probe("experiment bad utf-8", "POST", create, b'{"name": "\xff\xfe"}',
              headers={"Content-Type": "application/json"}),
        make("name list", name=["x"]),
        make("name object", name={"a": 1}),
        make("name bool", name=True),
        make("name null", name=None),
        make("name 500", name="e" * 500),
        make("name slashes", name="/a/../b:c"),
        make("location int", name="e1", artifact_location=5),
        make("location list", name="e2", artifact_location=["x"]),
        make("location 2049", name="e3", artifact_location="s3://b/" + "x" * 2042),
        make("location 2048", name="e4", artifact_location="s3://b/" + "x" * 2041),
        make("location http", name="e5", artifact_location="http://h/x"),
        make("location ftp", name="e6", artifact_location="ftp://h/x"),
        make("location query traversal", name="e7", artifact_location="s3://b/x?y=../z"),
        make("location params", name="e8", artifact_location="s3://b/x;y"),
        make("location proxy", name="e9", artifact_location="mlflow-artifacts:/deep/er"),
        make("tags not a list", name="e10", tags={"key": "a", "value": "b"}),
        make("tags text", name="e11", tags="x"),
        make("tags of texts", name="e12", tags=["x"]),
        make("tag without key", name="e13", tags=[{"value": "b"}]),
        make("tag without value", name="e14", tags=[{"key": "a"}]),
        make("new tag key 251", name="e15", tags=pairs({"k" * 251: "v"})),
        make("new tag value 20001", name="e16", tags=pairs({"k": "v" * 20001})),
        make("tag int value", name="e17", tags=[{"key": "a", "value": 5}]),
        make("tag twice", name="e18", tags=[*pairs({"a": "1"}), *pairs({"a": "2"})]),
        post("experiment with tags", create, {"name": "core", "tags": pairs({"a": "1", "b": ""})},
             capture={"ce": "experiment_id"}),
        get("experiment with tags get", "experiments/get?experiment_id={ce}"),
        get("experiment by name", "experiments/get-by-name?experiment_name=core"),
        get("experiment by name none", "experiments/get-by-name"),
        get("experiment by empty name", "experiments/get-by-name?experiment_name="),
        get("experiment get empty id", "experiments/get?experiment_id="),
        get("experiment get -1", "experiments/get?experiment_id=-1"),
        get("experiment get spaced id", "experiments/get?experiment_id=%200"),
        get("experiment get camelCase", "experiments/get?experimentId=0"),
        get("experiment get ajax", "/ajax-api/2.0/mlflow/experiments/get?experiment_id={ce}"),
        post("experiment tag", tag, {**me, "key": "a", "value": "2"}),
        post("experiment tag no key", tag, {**me, "value": "2"}),
        post("experiment tag no value", tag, {**me, "key": "nv"}),
        post("experiment tag no id", tag, {"key": "a", "value": "2"}),
        post("experiment tag key int", tag, {**me, "key": 5, "value": "2"}),
        post("experiment tag value int", tag, {**me, "key": "a", "value": 5}),
        post("experiment tag key 251", tag, {**me, "key": "k" * 251, "value": "2"}),
        post("experiment tag key 250", tag, {**me, "key": "k" * 250, "value": "2"}),
        post("experiment tag bad key", tag, {**me, "key": "a*b", "value": "2"}),
        post("experiment tag path key", tag, {**me, "key": "../a", "value": "2"}),
        post("experiment tag value 20001", tag, {**me, "key": "a", "value": "v" * 20001}),
        post("experiment tag unknown id", tag, {"experiment_id": "4242", "key": "a", "value": "1"}),
        post("experiment tag id abc", tag, {"experiment_id": "abc", "key": "a", "value": "1"}),
        post("experiment tag id int", tag, {"experiment_id": 0, "key": "a", "value": "1"}),
        post("experiment untag", untag, {**me, "key": "b"}),
        post("experiment untag no key", untag, me),
        post("experiment untag no id", untag, {"key": "b"}),
        post("experiment update no id", "experiments/update", {"new_name": "x"}),
        post("experiment update no name", "experiments/update", me),
        post("experiment update int name", "experiments/update", {**me, "new_name": 5}),
        post("experiment update 501", "experiments/update", {**me, "new_name": "n" * 501}),
        post("experiment update unknown", "experiments/update",
             {"experiment_id": "4242", "new_name": "x"}),
        post("experiment rename", "experiments/update", {**me, "new_name": "core renamed"}),
        get("experiment renamed", "experiments/get?experiment_id={ce}"),
        post("experiment delete no id", "experiments/delete"),
        post("experiment delete unknown", "experiments/delete", {"experiment_id": "4242"}),
        post("experiment delete abc", "experiments/delete", {"experiment_id": "abc"}),
        post("experiment delete int", "experiments/delete", {"experiment_id": 4242}),
        post("experiment restore no id", "experiments/restore"),
        post("experiment restore unknown", "experiments/restore", {"experiment_id": "4242"}),
    ]  # fmt: skip


def runs():
    """Making and updating runs."""
    me = {"experiment_id": "{ce}"}

    def make(label, **fields):
        return post(f"run {label}", "runs/create", {**me, "run_name": label, **fields})

    def update(label, **fields):
        return post(f"update {label}", "runs/update", {"run_id": "{cr}", **fields})

    return [
        post("run whole", "runs/create",
             {**me, "run_name": "whole", "user_id": "u", "start_time": 7,
              "tags": pairs({"a": "1", "mlflow.runName": "whole", "z": ""})},
             capture={"cr": "run.info.run_id"}),
        make("name from tag", run_name=None, tags=pairs({"mlflow.runName": "tagged"})),
        make("empty name", run_name=""),
        make("int name", run_name=5),
        make("int user", user_id=5),
        make("time text", start_time="abc"),
        make("time negative", start_time=-5),
        make("time huge", start_time=99999999999999999999),
        make("tags text", tags="x"),
        make("tags of texts", tags=["x"]),
        make("tag without key", tags=[{"value": "1"}]),
        make("tag without value", tags=[{"key": "a"}]),
        make("tag int value", tags=[{"key": "a", "value": 5}]),
        make("tag key 251", tags=pairs({"k" * 251: "v"})),
        make("tag bad key", tags=pairs({"a*b": "v"})),
        make("tag value 8001", tags=pairs({"long": "v" * 8001})),
        make("experiment int", experiment_id=0),
        make("experiment abc", experiment_id="abc"),
        make("experiment empty", experiment_id=""),
        get("run whole get", "runs/get?run_id={cr}"),
        get("run get both", "runs/get?run_id={cr}&run_uuid={cr}"),
        get("run get empty", "runs/get?run_id="),
        get("run get ajax", "/ajax-api/2.0/mlflow/runs/get?run_id={cr}"),
        update("name", run_name="whole2"),
        update("empty name", run_name=""),
        update("int name", run_name=5),
        update("nothing"),
        update("status and end", status="FAILED", end_time="77"),
        update("end text", end_time="abc"),
        update("status 99", status=99),
        update("status object", status={}),
        update("status null", status=None, end_time=78),
        post("update by run_uuid", "runs/update", {"run_uuid": "{cr}", "status": "KILLED"}),
        post("update no id", "runs/update", {"status": "FINISHED"}),
        post("update unknown", "runs/update", {"run_id": "abc", "status": "FINISHED"}),
        post("update id int", "runs/update", {"run_id": 5}),
        get("run updated get", "runs/get?run_id={cr}"),
        post("delete run no id", "runs/delete"),
        post("delete run unknown", "runs/delete", {"run_id": "abc"}),
        post("delete run int", "runs/delete", {"run_id": 5}),
        post("restore run no id", "runs/restore"),
        post("restore run unknown", "runs/restore", {"run_id": "abc"}),
    ]  # fmt: skip


NAMES = [
    "", ".", "..", "../a", "a/../b", "/a", "a/", "./a", "a/./b", "a b", "a:b", "a.b-c_d", "a\tb",
    "a@b", "a\\b", "\u00fc",
]  # fmt: skip


def values():
    """Params, tags and single metrics of one run."""
    param, tag, untag = "runs/log-parameter", "runs/set-tag", "runs/delete-tag"
    metric = "runs/log-metric"
    me = {"run_id": "{cr}"}
    point = {**me, "key": "k", "value": 1, "timestamp": 1}
    wrong = [("key int", {"key": 5}), ("key list", {"key": ["x"]}), ("key null", {"key": None}),
             ("key 250", {"key": "k" * 250}), ("key 251", {"key": "k" * 251})]  # fmt: skip
    return [
        *[post(f"param {n}", param, {**me, "value": "1", **f}) for n, f in wrong],
        *[post(f"tag {n}", tag, {**me, "value": "1", **f}) for n, f in wrong],
        *[post(f"metric {n}", metric, {**point, **f}) for n, f in wrong],
        *[post(f"param named {n!r}", param, {**me, "key": n, "value": "1"}) for n in NAMES],
        *[post(f"tag named {n!r}", tag, {**me, "key": n, "value": "1"}) for n in NAMES[:8]],
        *[post(f"metric named {n!r}", metric, {**point, "key": n}) for n in NAMES[:8]],
        post("param no run", param, {"key": "a", "value": "1"}),
        post("param no key", param, {**me, "value": "1"}),
        post("param int value", param, {**me, "key": "iv", "value": 5}),
        post("param null value", param, {**me, "key": "nullv", "value": None}),
        post("param unknown run", param, {"run_id": "abc", "key": "a", "value": "1"}),
        post("param by run_uuid", param, {"run_uuid": "{cr}", "key": "uu", "value": "1"}),
        post("param run_id camelCase", param, {"runId": "{cr}", "key": "cc", "value": "1"}),
        post("param both ids", param, {"run_uuid": "abc", **me, "key": "both", "value": "1"}),
        post("param 6000 as before", param, {**me, "key": "cut", "value": "x" * 6005}),
        post("param cut is the same", param, {**me, "key": "cut", "value": "x" * 6000}),
        post("tag no run", tag, {"key": "a", "value": "1"}),
        post("tag no key", tag, {**me, "value": "1"}),
        post("tag int value", tag, {**me, "key": "iv", "value": 5}),
        post("tag unknown run", tag, {"run_id": "abc", "key": "a", "value": "1"}),
        post("tag overwrite", tag, {**me, "key": "a", "value": "2"}),
        post("untag", untag, {**me, "key": "z"}),
        post("untag no key", untag, me),
        post("untag no run", untag, {"key": "a"}),
        post("untag unknown run", untag, {"run_id": "abc", "key": "a"}),
        post("untag int key", untag, {**me, "key": 5}),
        post("metric no run", metric, {"key": "k", "value": 1, "timestamp": 1}),
        post("metric no key", metric, {**me, "value": 1, "timestamp": 1}),
        post("metric unknown run", metric, {**point, "run_id": "abc"}),
        post("metric value list", metric, {**point, "value": [1]}),
        post("metric value empty text", metric, {**point, "value": ""}),
        post("metric value false", metric, {**point, "key": "no", "value": False}),
        post("metric value 1e400", metric,
             '{"run_id":"{cr}","key":"big","value":1e400,"timestamp":1}'),
        post("metric time text", metric, {**point, "key": "tt", "timestamp": "12"}),
        post("metric time bad text", metric, {**point, "timestamp": "x"}),
        post("metric time float", metric, {**point, "key": "tf", "timestamp": 12.5}),
        post("metric time whole float", metric, {**point, "key": "twf", "timestamp": 12.0}),
        post("metric time zero", metric, {**point, "key": "t0", "timestamp": 0}),
        post("metric time huge", metric, {**point, "timestamp": 9223372036854775808}),
        post("metric step text", metric, {**point, "key": "st", "step": "3"}),
        post("metric step bad text", metric, {**point, "step": "x"}),
        post("metric step float", metric, {**point, "step": 1.5}),
        post("metric step null", metric, {**point, "key": "sn", "step": None}),
        get("values of the run", "runs/get?run_id={cr}"),
    ]  # fmt: skip


def batches():
    """Batches: limits, types, partial effects, and the legacy log-model."""
    batch = "runs/log-batch"
    me = {"run_id": "{br}"}
    point = {"key": "k", "value": 1, "timestamp": 1, "step": 0}
    model = '{"artifact_path": "m", "flavors": {}, "utc_time_created": "t", "run_id": "%s"}'

    def send(label, **fields):
        return post(f"batch {label}", batch, {**me, **fields})

    def metric(label, **fields):
        return send(f"metric {label}", metrics=[{**point, **fields}])

    def legacy(label, text, **more):
        return post(f"log-model {label}", "runs/log-model", {**me, "model_json": text, **more})

    return [
        post("run for batches", "runs/create", {"experiment_id": "{ce}", "run_name": "batches"},
             capture={"br": "run.info.run_id"}),
        send("of all kinds", metrics=[point], params=pairs({"a": "1"}), tags=pairs({"t": "1"})),
        send("metrics not a list", metrics=point),
        send("metrics text", metrics="x"),
        send("metrics of ints", metrics=[1]),
        send("metrics null", metrics=None),
        metric("without key", key=None),
        metric("without time", timestamp=None),
        metric("without step", step=None),
        metric("int key", key=5),
        metric("text value", value="abc"),
        metric("NaN text", key="nan", value="NaN"),
        metric("Infinity text", key="inf", value="-Infinity"),
        metric("negative time", timestamp=-1),
        metric("text time", timestamp="abc"),
        metric("float step", step=1.5),
        metric("bad name", key="a*b"),
        metric("name 251", key="k" * 251),
        send("metric same name and other steps",
             metrics=[{**point, "step": 2, "value": 5}, {**point, "step": 1, "value": 9}]),
        send("metric twice the same", metrics=[point, point]),
        send("params not a list", params={"key": "a", "value": "1"}),
        send("params of texts", params=["x"]),
        send("param without key", params=[{"value": "1"}]),
        send("param without value", params=[{"key": "nv"}]),
        send("param int value", params=[{"key": "iv", "value": 5}]),
        send("param 251", params=pairs({"k" * 251: "1"})),
        send("param 6001", params=pairs({"long": "x" * 6001})),
        send("param bad name", params=pairs({"a*b": "1"})),
        send("param same again", params=pairs({"a": "1"})),
        send("param changed stops the rest", params=pairs({"a": "2"}), metrics=[
             {**point, "key": "never"}], tags=pairs({"never": "1"})),
        send("bad tag stops all", params=pairs({"early": "1"}), tags=pairs({"a*b": "1"})),
        send("tags text", tags="x"),
        send("tag without key", tags=[{"value": "1"}]),
        send("tag without value", tags=[{"key": "nv"}]),
        send("tag int value", tags=[{"key": "iv", "value": 5}]),
        send("tag key twice", tags=[*pairs({"tw": "1"}), *pairs({"tw": "2"})]),
        send("tag run name", tags=pairs({"mlflow.runName": "batch named"})),
        send("tag 251", tags=pairs({"k" * 251: "1"})),
        send("tag 8001", tags=pairs({"long": "x" * 8001})),
        send("101 tags", tags=pairs({f"t{i}": "1" for i in range(101)})),
        send("1001 in total", metrics=[{**point, "step": i} for i in range(900)],
             params=pairs({f"p{i}": "1" for i in range(100)}), tags=pairs({"t": "1"})),
        send("100 params", params=pairs({f"p{i}": "1" for i in range(100)})),
        post("batch run bad name", batch, {"run_id": "a/b"}),
        post("batch run unknown", batch, {"run_id": "abc", "metrics": [point]}),
        post("batch run unknown and empty", batch, {"run_id": "abc"}),
        post("batch run int", batch, {"run_id": 5}),
        post("batch run_uuid only", batch, {"run_uuid": "{br}"}),
        post("batch camelCase", batch, {"runId": "{br}", "tags": pairs({"camel": "1"})}),
        post("batch deep json", batch, "[" * 10000 + "]" * 10000),
        legacy("good", model % "{br}"),
        legacy("again", model % "{br}"),
        legacy("not json", "{"),
        legacy("lacks fields", "{}"),
        legacy("int", 5),
        legacy("list", "[1]"),
        post("log-model no json", "runs/log-model", me),
        post("log-model no run", "runs/log-model", {"model_json": "{}"}),
        post("log-model unknown run", "runs/log-model",
             {"run_id": "abc", "model_json": model % "abc"}),
        get("batches in the run", "runs/get?run_id={br}"),
    ]  # fmt: skip


def deleted():
    """Writes to a deleted run and a deleted experiment, and what restoring brings back."""
    run = {"run_id": "{dr}"}
    me = {"experiment_id": "{de}"}
    dataset = {"name": "n", "digest": "d", "source_type": "t", "source": "s"}
    point = {"key": "k", "value": 1, "timestamp": 1}
    return [
        post("deleted: experiment", "experiments/create", {"name": "deleted"},
             capture={"de": "experiment_id"}),
        post("deleted: run", "runs/create", {**me, "run_name": "d", "start_time": 2},
             capture={"dr": "run.info.run_id"}),
        post("deleted: second run", "runs/create", {**me, "run_name": "d2", "start_time": 1},
             capture={"dr2": "run.info.run_id"}),
        post("deleted: delete run", "runs/delete", run),
        get("deleted: get run", "runs/get?run_id={dr}"),
        post("deleted: metric", "runs/log-metric", {**run, **point}),
        post("deleted: tag", "runs/set-tag", {**run, "key": "a", "value": "1"}),
        post("deleted: untag", "runs/delete-tag", {**run, "key": "a"}),
        post("deleted: batch", "runs/log-batch", {**run, "metrics": [point]}),
        post("deleted: empty batch", "runs/log-batch", run),
        post("deleted: update", "runs/update", {**run, "status": "FINISHED"}),
        post("deleted: inputs", "runs/log-inputs",
             {**run, "datasets": [{"dataset": dataset, "tags": []}]}),
        post("deleted: outputs", "runs/outputs", {**run, "models": []}),
        post("deleted: log-model", "runs/log-model", {**run, "model_json": "{}"}),
        post("deleted: search active", "runs/search", {"experiment_ids": ["{de}"]}),
        post("deleted: search deleted", "runs/search",
             {"experiment_ids": ["{de}"], "run_view_type": "DELETED_ONLY"}),
        post("deleted: delete experiment", "experiments/delete", me),
        get("deleted: get experiment", "experiments/get?experiment_id={de}"),
        get("deleted: by name", "experiments/get-by-name?experiment_name=deleted"),
        get("deleted: second run too", "runs/get?run_id={dr2}"),
        post("deleted: experiment tag", "experiments/set-experiment-tag",
             {**me, "key": "a", "value": "1"}),
        post("deleted: experiment untag", "experiments/delete-experiment-tag", {**me, "key": "a"}),
        post("deleted: create run", "runs/create", me),
        post("deleted: create model", "logged-models", {**me, "name": "x"}),
        post("deleted: same name again", "experiments/create", {"name": "deleted"}),
        post("deleted: restore run alone", "runs/restore", run),
        post("deleted: metric to a restored run", "runs/log-metric", {**run, **point}),
        post("deleted: experiments search", "experiments/search",
             {"max_results": 5, "view_type": "DELETED_ONLY"}),
        post("deleted: restore experiment", "experiments/restore", me),
        post("deleted: all runs are back", "runs/search", {"experiment_ids": ["{de}"]}),
        get("deleted: experiment is back", "experiments/get?experiment_id={de}"),
    ]  # fmt: skip


def table():
    """Gives this part of the table."""
    return [*experiments(), *runs(), *values(), *batches(), *deleted()]
