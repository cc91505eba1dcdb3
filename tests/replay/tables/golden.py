"""What the unmodified Python client sends, in one script that stands on its own.

The entries named `golden NN` are calls captured from the client, word for word except for the ids.
Those named `setup ..` stand for the calls in between, without which the answers of later ones
would be poorer: second points of a metric, further files, a second experiment.
"""

from tables.entry import ARTIFACTS, probe
from tables.more_search import pairs

CLIENT = {
    "User-Agent": "mlflow-python-client/3.17.2",
    "Accept-Encoding": "gzip, deflate",
    "Accept": "*/*",
}
USER_TAGS = [
    {"key": "mlflow.user", "value": "root"},
    {"key": "mlflow.source.name", "value": "golden.py"},
    {"key": "mlflow.source.type", "value": "LOCAL"},
]
BOTH_IDS = {"run_uuid": "{run}", "run_id": "{run}"}
START = 1795226065686
FILES = f"{ARTIFACTS}/{{exp}}/{{run}}/artifacts"
MODEL_FILES = f"{ARTIFACTS}/{{exp}}/models/{{model}}/artifacts"


def call(label, method, path, body=None, **more):
    """Makes an entry with the headers of the client."""
    headers = {**CLIENT, **(more.pop("headers", None) or {})}
    return probe(label, method, path, body, headers=headers, **more)


def setup(name, method, path, body=None, **more):
    """Makes a step that is there for the later ones; its answer is compared too."""
    return call(f"setup {name}", method, path, body, setup=True, **more)


def put(label, path, body, kind, **more):
    """Makes an upload of raw bytes."""
    return call(label, "PUT", path, body, headers={"Content-Type": kind}, **more)


def metric(key, value, time, step, **more):
    """Spells one point."""
    return {"key": key, "value": value, "timestamp": time, "step": step, **more}


def training():
    """An experiment and the first half of a run."""
    batch = "runs/log-batch"
    create = {
        "experiment_id": "{exp}",
        "user_id": "root",
        "run_name": "r1",
        "start_time": START,
        "tags": [*USER_TAGS, {"key": "mlflow.runName", "value": "r1"}],
    }
    return [
        call("golden 00 unknown experiment by name", "GET",
             "experiments/get-by-name?experiment_name=golden"),
        call("golden 01 create experiment", "POST", "experiments/create", {"name": "golden"},
             capture={"exp": "experiment_id"}),
        call("golden 02 get experiment", "GET", "experiments/get?experiment_id={exp}"),
        call("golden 03 create run", "POST", "runs/create", create,
             capture={"run": "run.info.run_id"}),
        call("golden 04 log_param", "POST", "runs/log-parameter",
             {"run_uuid": "{run}", "key": "a", "value": "1", "run_id": "{run}"}),
        call("golden 05 log_params", "POST", batch,
             {"run_id": "{run}", "params": pairs({"b": "2", "c": "x", "d": "None"})}),
        call("golden 06 log_metric", "POST", "runs/log-metric",
             {**BOTH_IDS, **metric("m", 0.5, START + 89, 1)}),
        setup("second step", "POST", "runs/log-metric",
              {**BOTH_IDS, **metric("m", 0.6, START + 105, 2)}),
        setup("log_metrics", "POST", batch,
              {"run_id": "{run}", "metrics": [metric("m2", 1.0, START + 126, 3),
                                              metric("nan", "NaN", START + 126, 3)]}),
        setup("asynchronous metric", "POST", batch,
              {"run_id": "{run}", "metrics": [metric("async", 1.0, START + 150, 0)]}),
        call("golden 07 set_tag", "POST", "runs/set-tag", {**BOTH_IDS, "key": "t", "value": "v"}),
        setup("set_tags", "POST", batch,
              {"run_id": "{run}", "tags": pairs({"t2": "v2", "t3": "v3"})}),
        call("golden 08 delete_tag", "POST", "runs/delete-tag", {"run_id": "{run}", "key": "t2"}),
        call("golden 09 set_experiment_tag", "POST", "experiments/set-experiment-tag",
             {"experiment_id": "{exp}", "key": "et", "value": "v"}),
        setup("log_batch", "POST", batch,
              {"run_id": "{run}", "metrics": [metric("bm", 1.0, START + 233, 0)],
               "params": pairs({"bp": "1"}), "tags": pairs({"bt": "1"})}),
        call("golden 10 get run", "GET", "runs/get?run_uuid={run}&run_id={run}"),
    ]  # fmt: skip


def files_and_model():
    """Artifacts, a dataset, and a logged model with its metrics."""
    dataset = {
        "name": "ds", "digest": "4fb5574f", "source_type": "code",
        "source": '{"tags": {"mlflow.user": "root", "mlflow.source.name": "golden.py", '
                  '"mlflow.source.type": "LOCAL"}}',
        "schema": '{"mlflow_colspec": [{"type": "double", "name": "x", "required": true}, '
                  '{"type": "long", "name": "y", "required": true}]}',
        "profile": '{"num_rows": 2, "num_elements": 4}',
    }  # fmt: skip
    context = [{"key": "mlflow.data.context", "value": "training"}]
    create = {
        "experiment_id": "{exp}", "name": "model", "source_run_id": "{run}",
        "params": pairs({"a": "1", "b": "2", "c": "x", "d": "None", "bp": "1"}),
        "tags": USER_TAGS,
    }  # fmt: skip
    linked = [
        metric("async", 1.0, START + 150, 0), metric("bm", 1.0, START + 233, 0),
        metric("m", 0.6, START + 105, 2), metric("m2", 1.0, START + 126, 3),
        metric("nan", "NaN", START + 126, 3),
    ]  # fmt: skip
    linked = [{**point, "model_id": "{model}"} for point in linked]
    versions = '[{"name": "gm", "version": 1}, {"name": "gm", "version": "1"}]'
    return [
        put("golden 11 log_artifact", f"{FILES}/f.txt", b"hello", "text/plain"),
        put("setup d.json", f"{FILES}/d.json", b'{\n  "a": 1\n}', "application/json", setup=True),
        put("setup dir/x.txt", f"{FILES}/dir/x.txt", b"x", "text/plain", setup=True),
        put("setup t.txt", f"{FILES}/t.txt", b"t", "text/plain", setup=True),
        call("golden 12 list", "GET", f"{ARTIFACTS}?path={{exp}}%2F{{run}}%2Fartifacts"),
        call("golden 13 log_input", "POST", "runs/log-inputs",
             {"run_id": "{run}", "datasets": [{"tags": context, "dataset": dataset}]}),
        call("golden 14 create model", "POST", "logged-models", create,
             capture={"model": "model.info.model_id"}),
        call("golden 15 log outputs", "POST", "runs/outputs",
             {"run_id": "{run}", "models": [{"model_id": "{model}", "step": 0}]}),
        call("golden 16 get history", "GET",
             "metrics/get-history?run_uuid={run}&metric_key=m&run_id={run}&max_results=25000"),
        setup("metrics of the model", "POST", "runs/log-batch",
              {"run_id": "{run}", "metrics": linked}),
        call("golden 17 get model", "GET", "logged-models/{model}"),
        put("setup MLmodel", f"{MODEL_FILES}/MLmodel",
            b"artifact_path: model\nflavors:\n  python_function:\n    env: conda.yaml\n",
            "application/octet-stream", setup=True),
        call("golden 18 finalize model", "PATCH", "logged-models/{model}",
             {"model_id": "{model}", "status": "LOGGED_MODEL_READY"}),
        call("golden 21 tag model", "PATCH", "logged-models/{model}/tags",
             {"tags": [{"key": "mlflow.modelVersions", "value": versions}]}),
        setup("metric of model and dataset", "POST", "runs/log-metric",
              {**BOTH_IDS, **metric("acc", 0.9, START + 50469, 0, model_id="{model}",
                                    dataset_name="ds", dataset_digest="4fb5574f")}),
        call("golden 22 end run", "POST", "runs/update",
             {"run_uuid": "{run}", "status": "FINISHED", "end_time": START + 57734,
              "run_id": "{run}"}),
        call("golden 27 server info", "GET", "/api/3.0/mlflow/server-info"),
        call("golden 28 download", "GET", f"{MODEL_FILES}/MLmodel"),
    ]  # fmt: skip


def searches():
    """The run ends a second time, and everything is found again."""
    return [
        setup("end as failed", "POST", "runs/update",
              {**BOTH_IDS, "status": "FAILED", "end_time": START + 58872}),
        call("golden 31 search models", "POST", "logged-models/search",
             {"experiment_ids": ["{exp}"], "filter": "name = 'model'"}),
        call("golden 32 search runs", "POST", "runs/search",
             {"experiment_ids": ["{exp}"], "run_view_type": "ACTIVE_ONLY",
              "filter": "metrics.m > 0.1 and params.a = '1'", "max_results": 10000,
              "order_by": ["metrics.m DESC"]}),
        call("golden 33 search experiments", "POST", "experiments/search",
             {"max_results": 1000, "filter": "name = 'golden'", "view_type": "ACTIVE_ONLY"}),
    ]  # fmt: skip


def deletion():
    """Deleting, restoring, renaming, and a second model that is deleted."""
    exp2 = {"experiment_id": "{exp2}"}
    return [
        call("golden 34 delete run", "POST", "runs/delete", {"run_id": "{run}"}),
        call("golden 35 restore run", "POST", "runs/restore", {"run_id": "{run}"}),
        setup("second experiment", "POST", "experiments/create", {"name": "tmp"},
              capture={"exp2": "experiment_id"}),
        call("golden 36 rename experiment", "POST", "experiments/update",
             {**exp2, "new_name": "tmp2"}),
        call("golden 37 delete experiment", "POST", "experiments/delete", exp2),
        call("golden 38 restore experiment", "POST", "experiments/restore", exp2),
        setup("experiment tag", "POST", "experiments/set-experiment-tag",
              {**exp2, "key": "k", "value": "v"}),
        call("golden 39 delete experiment tag", "POST", "experiments/delete-experiment-tag",
             {**exp2, "key": "k"}),
        setup("second model", "POST", "logged-models",
              {"experiment_id": "{exp}", "name": "lm", "params": pairs({"p": "1"}),
               "tags": pairs({"z": "1"})}, capture={"model2": "model.info.model_id"}),
        call("golden 40 log model params", "POST", "logged-models/{model2}/params",
             {"model_id": "{model2}", "params": pairs({"q": "2"})}),
        call("golden 41 delete model tag", "DELETE", "logged-models/{model2}/tags/z"),
        call("golden 42 delete model", "DELETE", "logged-models/{model2}",
             {"model_id": "{model2}"}),
        call("golden 62 version", "GET", "/version"),
    ]  # fmt: skip


def table():
    """Gives the whole script."""
    return [*training(), *files_and_model(), *searches(), *deletion()]
