"""One deterministic script of client calls, recorded, to be run against two servers.

Times are given wherever the API takes one, so that orders are the same on both.
"""

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset, DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput, Metric, Param, RunTag,
    ViewType,
)
from record import Recorder
from scenario_registry import registry
from scenario_rest import odd_requests
from support import unique

T0 = 1_600_000_000_000


def play(url):
    """Runs the whole script against one server; gives the list of (label, result)."""
    recorder = Recorder(url, unique("scenario"))
    client = MlflowClient(url)
    mlflow.set_tracking_uri(url)
    home = experiments(recorder, client)
    mlflow.set_experiment(experiment_id=home)
    runs = make_runs(recorder, client, home)
    searches(recorder, client, home)
    histories(recorder, client, runs)
    artifacts(recorder, client, runs[0])
    datasets(recorder, client, home)
    models(recorder, client, home, runs)
    registry(recorder, client, home, runs)
    fluent(recorder)
    lifecycle(recorder, client, home, runs)
    odd_requests(recorder, home, runs)
    return recorder.entries


def experiments(rec, client):
    """Creating, reading and tagging experiments; gives the id of the main one."""
    home = rec.experiment(client.create_experiment(f"{rec.mark} home", tags={"a": "1", "ü": "é"}))
    rec.call("get experiment", client.get_experiment, home)
    rec.call("experiment by name", client.get_experiment_by_name, f"{rec.mark} home")
    rec.call("experiment by unknown name", client.get_experiment_by_name, "no such name")
    rec.call("create the same name", client.create_experiment, f"{rec.mark} home")
    rec.call("create an empty name", client.create_experiment, "")
    rec.call("create a long name", client.create_experiment, "n" * 501)
    rec.call("get experiment abc", client.get_experiment, "abc")
    rec.call("get unknown experiment", client.get_experiment, "987654321")
    rec.call("set experiment tag", client.set_experiment_tag, home, "a", "2")
    rec.call("set long experiment tag", client.set_experiment_tag, home, "long", "x" * 20_001)
    rec.call("delete experiment tag", client.delete_experiment_tag, home, "ü")
    rec.call("delete it again", client.delete_experiment_tag, home, "ü")
    rec.call("experiment after tags", client.get_experiment, home)
    rec.call("rename", client.rename_experiment, home, f"{rec.mark} renamed")
    rec.call("experiment after rename", client.get_experiment, home)
    located = client.create_experiment(f"{rec.mark} located", artifact_location="s3://b/p?x=y#")
    rec.call("custom location", client.get_experiment, rec.experiment(located))
    rec.call("run in custom location", client.create_run, located, T0)
    for n in range(4):
        rec.experiment(client.create_experiment(f"{rec.mark} {n}", tags={"n": str(n)}))
    for text in (f"name LIKE '{rec.mark} %'", f"name = '{rec.mark} 2'", "tags.n = '3'",
                 "name ILIKE '% RENAMED' AND tags.a != '0'", "bad =", "name > 'x'"):
        broken = text.startswith(("bad", "name >"))
        scoped = text if broken else f"{text} AND name LIKE '{rec.mark}%'"
        rec.call(f"search experiments {text.replace(rec.mark, '')}", client.search_experiments,
                 ViewType.ALL, 3, scoped, ["name ASC"])
    return home


def make_runs(rec, client, home):
    """Five runs with params, tags and metrics of every odd kind; gives their ids."""
    ids = []
    for n in range(5):
        run = client.create_run(home, T0 + n, {"n": str(n)}, f"run {n}")
        rec.note(f"created run {n}", run)
        ids.append(run.info.run_id)
        values = [("loss", 1 / (n + 1)), ("odd", [np.nan, np.inf, -np.inf, -0.0, 1e-320][n])]
        metrics = [Metric(k, v, T0 + s, s) for k, v in values for s in range(-1, 3)]
        params = [Param("lr", str(n / 10)), Param("opt", ["adam", "SGD"][n % 2]), Param("e", "")]
        tags = [RunTag("team", "red")] if n % 2 else [RunTag("with space", "ü\n")]
        rec.call(f"batch {n}", client.log_batch, run.info.run_id, metrics, params, tags)
        rec.call(f"run {n}", client.get_run, run.info.run_id)
    first = ids[0]
    rec.call("param again", client.log_param, first, "lr", "0.0")
    rec.call("param changed", client.log_param, first, "lr", "9")
    rec.call("params changed", client.log_batch, first, params=[Param("lr", "8"), Param("e", "x")])
    rec.call("params doubled", client.log_batch, first, params=[Param("d", "1"), Param("d", "2")])
    rec.call("long param key", client.log_param, first, "k" * 251, "v")
    rec.call("long tag", client.set_tag, first, "long", "v" * 9000)
    rec.call("delete tag", client.delete_tag, first, "n")
    rec.call("delete tag again", client.delete_tag, first, "n")
    rec.call("unknown run", client.get_run, "f" * 32)
    rec.call("metric of unknown run", client.log_metric, "f" * 32, "m", 1.0, T0, 0)
    rec.call("bad run id", client.log_batch, "not/a/run", [Metric("m", 1.0, T0, 0)])
    rec.call("update run", client.update_run, ids[1], "FINISHED", "renamed")
    rec.call("terminate", client.set_terminated, ids[2], "FAILED", T0 + 500)
    rec.call("name by tag", client.set_tag, ids[4], "mlflow.runName", "by tag")
    for n, run_id in enumerate(ids):
        rec.call(f"run {n} afterwards", client.get_run, run_id)
    return ids


def searches(rec, client, home):
    """Filters, orders and pages over the five runs."""
    filters = [
        "", "metrics.loss > 0.3", "metrics.loss <= 0.5 AND params.opt = 'adam'",
        "params.opt ILIKE 'sg%'", "params.opt LIKE 'sg%'", "tags.team IS NULL",
        "tags.`with space` IS NOT NULL", "attributes.status != 'RUNNING'", "run_name = 'by tag'",
        "metrics.odd > 1", "metrics.odd < -1", "metrics.odd = 0", "metrics.odd != 0",
        f"start_time > {T0 + 2}", "params.e = ''", "params.lr > 1",
        "metrics.loss = 'x'", "attributes.nothing = 'x'", "loss", "tags.team = red",
        "metrics.loss >", "status = FINISHED", "metrics.loss > 0; params.opt = 'adam'",
        "attributes.run_id IN ('a', 'b')", "attributes.start_time LIKE 'x'", "mettrics.a > 1",
    ]
    for text in filters:
        rec.call(f"search {text}", lambda t=text: [
            run.info.run_name for run in client.search_runs([home], t, order_by=["start_time"])
        ])
    for order in (["metrics.loss"], ["metrics.odd DESC", "start_time"], ["metrics.odd ASC"],
                  ["params.opt DESC", "params.lr"], ["tags.team", "run_name DESC"],
                  ["attributes.end_time", "metrics.loss DESC"], ["nothing.x"], ["metrics.loss UP"],
                  ["a b c d"], ["attribute.run_name DESC"], ["datasets.name"]):
        rec.call(f"order {order}", lambda o=order: [
            run.data.params["lr"] for run in client.search_runs([home], order_by=o)
        ])
    token = None
    for page in range(3):
        found = client.search_runs([home], "", max_results=2, order_by=["params.lr"],
                                   page_token=token)
        token = found.token
        rec.note(f"page {page}", [list(found), bool(token)])
    rec.call("as a frame", mlflow.search_runs, [home], order_by=["start_time"])
    rec.call("too many", client.search_runs, [home], max_results=50_001)
    rec.call("no experiments", client.search_runs, [])


def histories(rec, client, ids):
    """Metric histories: all of them, repeated points, unknown keys."""
    client.log_batch(ids[0], [Metric("loss", 1.0, T0 + 1, 1)] * 2)
    client.log_metric(ids[0], "loss", 0.25, T0 - 5, 99)
    client.log_metric(ids[0], "loss", 0.5, T0 + 50, -7)
    for key in ("loss", "odd", "nothing"):
        rec.call(f"history {key}", client.get_metric_history, ids[0], key)
    rec.call("latest", lambda: client.get_run(ids[0]).data.metrics)
    rec.call("negative time", client.log_metric, ids[0], "m", 1.0, -1, 0)
    rec.call("bad metric name", client.log_metric, ids[0], "a//b", 1.0, T0, 0)


def artifacts(rec, client, run_id):
    """Files of one run: up, listed, read, missing."""
    client.log_text(run_id, "zwei\nZeilen", "a/b/note ü.txt")
    client.log_dict(run_id, {"x": 1}, "conf.json")
    client.log_table(run_id, {"q": ["a"], "n": [1]}, "table.json")
    client.log_image(run_id, np.zeros((2, 2, 3), dtype=np.uint8), "dot.png")
    for path in (None, "a", "a/b", "conf.json", "nowhere"):
        rec.call(f"list {path}", client.list_artifacts, run_id, path)
    rec.call("load text", mlflow.artifacts.load_text, f"runs:/{run_id}/a/b/note ü.txt")
    rec.call("load table", client.load_table, client.get_run(run_id).info.experiment_id,
             "table.json", [run_id])
    rec.ask("list by the run", "GET", "artifacts/list", run_id=run_id, path="a")
    rec.ask("list a traversal", "GET", "artifacts/list", run_id=run_id, path="../x")
    rec.ask("get artifact", "GET", "/get-artifact", run_id=run_id, path="conf.json")
    rec.ask("get no artifact", "GET", "/get-artifact", run_id=run_id, path="no.json")
    place = client.get_run(run_id).info.artifact_uri.removeprefix("mlflow-artifacts:/")
    base = "/api/2.0/mlflow-artifacts/artifacts"
    rec.ask("proxy get", "GET", f"{base}/{place}/conf.json")
    rec.ask("proxy get folder", "GET", f"{base}/{place}/a")
    rec.ask("proxy list", "GET", base, path=place)
    rec.ask("proxy list missing", "GET", base, path=f"{place}/zz")
    rec.ask("proxy delete", "DELETE", f"{base}/{place}/conf.json")
    rec.ask("proxy delete again", "DELETE", f"{base}/{place}/conf.json")
    rec.ask("multipart", "POST", f"/api/2.0/mlflow-artifacts/mpu/create/{place}/x",
            {"path": "x", "num_parts": 1})


def datasets(rec, client, home):
    """Dataset inputs, their search and their summaries."""
    run_id = client.create_run(home, T0 + 100, run_name="with data").info.run_id
    frame = mlflow.data.from_pandas(pd.DataFrame({"x": [1.5, 2.5]}), name="frame", source="f.csv")
    array = mlflow.data.from_numpy(np.zeros((2, 2)), name="array", source="a.npy")
    with mlflow.start_run(run_id=run_id):
        rec.call("log frame", mlflow.log_input, frame, context="training")
        mlflow.log_input(frame, context="training")
        mlflow.log_input(array, context="eval", tags={"k": "v"})
    rec.call("run with data", lambda: client.get_run(run_id).inputs)
    for text in ("dataset.name = 'frame'", "datasets.context LIKE 'ev%'", "dataset.digest = 'x'",
                 "dataset.name IN ('array', 'other')", "dataset.nothing = 'x'"):
        rec.call(f"search {text}", lambda t=text: [
            run.info.run_name for run in client.search_runs([home], t)
        ])
    for field, text in [("name", "n" * 501), ("digest", "d" * 37), ("name", "")]:
        given = {"name": "n", "digest": "d", "source_type": "s", "source": "x", field: text}
        entry = DatasetInput(Dataset(**given), [InputTag("mlflow.data.context", "c")])
        rec.call(f"dataset {field} of {len(text)}", client.log_inputs, run_id, [entry])
    rec.ask("summaries", "POST", "/ajax-api/2.0/mlflow/experiments/search-datasets",
            {"experiment_ids": [home]})


def models(rec, client, home, ids):
    """Logged models: states, params, tags, metrics, search, links to runs."""
    made = []
    for n, name in enumerate(["alpha", "beta"]):
        model = client.create_logged_model(
            home, name, ids[n], {"stage": str(n)}, {"depth": str(n)}, "kind" if n else None
        )
        rec.note(f"created model {name}", model)
        made.append(model.model_id)
        client.log_metric(ids[n], "score", n / 2, T0, n, model_id=model.model_id)
    rec.call("finalize", client.finalize_logged_model, made[0], "READY")
    rec.call("model params", client.log_model_params, made[0], {"late": "1"})
    rec.call("model tags", client.set_logged_model_tags, made[0], {"stage": "9", "x": ""})
    rec.call("delete model tag", client.delete_logged_model_tag, made[0], "x")
    rec.call("delete model tag again", client.delete_logged_model_tag, made[0], "x")
    rec.call("model", client.get_logged_model, made[0])
    rec.call("unknown model", client.get_logged_model, "m-" + "f" * 32)
    rec.call("bad model name", client.create_logged_model, home, "a/b")
    by_name = [{"field_name": "name", "ascending": True}]
    for text in ("", "name = 'alpha'", "params.depth = '1'", "tags.stage = '9'", "nothing = 'x'",
                 "metrics.score > 0.2", "model_type = 'kind'",
                 "name LIKE '%a' AND params.depth < 1"):
        rec.call(f"search models {text}", lambda t=text: [
            m.name for m in client.search_logged_models([home], t, order_by=by_name)
        ])
    by_score = [{"field_name": "metrics.score", "ascending": False}]
    rec.call("models by score", client.search_logged_models, [home], order_by=by_score)
    page = client.search_logged_models([home], max_results=1, order_by=by_name)
    rest = client.search_logged_models([home], max_results=1, order_by=by_name,
                                       page_token=page.token)
    rec.note("model pages", [[m.name for m in page], [m.name for m in rest], bool(rest.token)])
    client.log_inputs(ids[1], models=[LoggedModelInput(made[0])])
    client.log_outputs(ids[1], [LoggedModelOutput(made[1], 3)])
    rec.call("run with models", client.get_run, ids[1])
    rec.call("delete model", client.delete_logged_model, made[1])
    rec.call("deleted model", client.get_logged_model, made[1])
    rec.call("models left", lambda: [m.name for m in client.search_logged_models([home])])


def fluent(rec):
    """A small nested script by the fluent API."""
    rec.experiment(mlflow.set_experiment(f"{rec.mark} fluent").experiment_id)
    with mlflow.start_run(run_name="parent", description="note", tags={"t": "v"}) as parent:
        mlflow.log_params({"a": 1, "b": None})
        for step in range(3):
            mlflow.log_metric("m", step * 0.1, step=step, timestamp=T0 + step)
        with mlflow.start_run(run_name="child", nested=True) as child:
            mlflow.log_metrics({"x": 1.0, "y": float("nan")}, step=1, timestamp=T0)
    mlflow.set_experiment_tags({"goal": "x"})
    for name, run in (("parent", parent), ("child", child)):
        rec.call(f"fluent {name}", mlflow.get_run, run.info.run_id)
    rec.call("parent of child", mlflow.get_parent_run, child.info.run_id)
    rec.call("fluent experiment", mlflow.get_experiment_by_name, f"{rec.mark} fluent")


def lifecycle(rec, client, home, ids):
    """Deleting and restoring, and what a deleted thing refuses."""
    rec.call("delete run", client.delete_run, ids[3])
    rec.call("delete run again", client.delete_run, ids[3])
    rec.call("deleted run", client.get_run, ids[3])
    rec.call("metric of deleted run", client.log_metric, ids[3], "m", 1.0, T0, 0)
    rec.call("tag of deleted run", client.set_tag, ids[3], "t", "v")
    rec.call("update of deleted run", client.update_run, ids[3], "FINISHED")
    for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL):
        rec.call(f"runs in view {view}", lambda v=view: [
            run.data.params.get("lr") for run in client.search_runs([home], run_view_type=v)
        ])
    rec.call("restore run", client.restore_run, ids[3])
    rec.call("restored run", client.get_run, ids[3])
    rec.call("delete experiment", client.delete_experiment, home)
    rec.call("deleted experiment", client.get_experiment, home)
    rec.call("run in deleted experiment", client.create_run, home, T0)
    rec.call("tag of deleted experiment", client.set_experiment_tag, home, "t", "v")
    rec.call("delete experiment again", client.delete_experiment, home)
    rec.call("runs of deleted experiment", lambda: len(client.search_runs([home])))
    rec.call("restore experiment", client.restore_experiment, home)
    rec.call("restore experiment again", client.restore_experiment, home)
    rec.call("restored experiment", client.get_experiment, home)
