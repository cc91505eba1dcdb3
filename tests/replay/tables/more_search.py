"""Search of runs and experiments over one small, fixed set of runs.

Every run has a start time of its own, so that no answer's order hangs on a random run id.
"""

import base64
import json

from tables.entry import get, post

RUNS = [
    {
        "id": "r1", "name": "alpha", "user": "ann", "status": "FINISHED", "end": 2000,
        "params": {"lr": "0.1", "opt": "adam"}, "metrics": {"acc": 0.1, "loss": 3},
        "tags": {"env": "Prod", "my tag": "x y", "a.b": "dot"},
        "datasets": [("train", "d1", "training"), ("test", "e2", "eval")],
    },
    {
        "id": "r2", "name": "Beta", "user": "bob", "status": "FAILED", "end": 1500,
        "params": {"lr": "0.01"}, "metrics": {"acc": 0.5}, "tags": {"env": "prod"},
        "datasets": [("train", "d1", "training")],
    },
    {
        "id": "r3", "name": "alpha_two", "user": "ann", "status": "RUNNING",
        "params": {"lr": "0.1"}, "metrics": {"acc": "NaN", "loss": 1}, "tags": {"env": "dev"},
        "datasets": [("test", "e2", None)],
    },
    {"id": "r4", "name": "100%", "status": "KILLED", "end": 1003, "metrics": {"acc": "Infinity"}},
    {"id": "r5", "name": "under_score", "status": "SCHEDULED", "metrics": {"acc": "-Infinity"}},
    {
        "id": "r6", "name": "\u00dcn\u00efcode", "status": "FINISHED", "end": 9000,
        "params": {"my param": "p q"}, "metrics": {"acc": 0.5, "val loss": 1.5},
        "tags": {"\u043a\u043b\u044e\u0447": "\u0437\u043d"},
    },
    {"id": "r7", "name": "gone", "metrics": {"acc": 0.9}, "tags": {"env": "Prod"}},
    {"id": "r8", "name": "quote'd", "tags": {"env": ""}},
]  # fmt: skip


def pairs(values):
    """Spells a dict as the list of key and value objects that the protocol has."""
    return [{"key": key, "value": value} for key, value in values.items()]


def run_steps(run, start):
    """Gives the steps that make one run of the fixed set."""
    ref = "{%s}" % run["id"]
    name = f"set: {run['name']}"
    create = {
        "experiment_id": "{se}",
        "run_name": run["name"],
        "start_time": start,
        "user_id": run.get("user", ""),
        "tags": pairs(run.get("tags", {})),
    }
    metrics = [
        {"key": key, "value": value, "timestamp": start, "step": 0}
        for key, value in run.get("metrics", {}).items()
    ]
    batch = {"run_id": ref, "metrics": metrics, "params": pairs(run.get("params", {}))}
    steps = [
        post(name, "runs/create", create, capture={run["id"]: "run.info.run_id"}),
        post(f"{name} batch", "runs/log-batch", batch),
    ]
    datasets = [
        {
            "dataset": {"name": n, "digest": d, "source_type": "local", "source": "s"},
            "tags": pairs({"mlflow.data.context": context} if context else {}),
        }
        for n, d, context in run.get("datasets", [])
    ]
    if datasets:
        body = {"run_id": ref, "datasets": datasets}
        steps.append(post(f"{name} datasets", "runs/log-inputs", body))
    if "status" in run:
        end = {"run_id": ref, "status": run["status"]}
        if "end" in run:
            end["end_time"] = run["end"]
        steps.append(post(f"{name} end", "runs/update", end))
    return steps


def data_set():
    """Makes the two experiments and their runs."""
    steps = [
        post("set: search", "experiments/create", {"name": "search"},
             capture={"se": "experiment_id"}),
        post("set: search two", "experiments/create", {"name": "search two"},
             capture={"se2": "experiment_id"}),
    ]  # fmt: skip
    for number, run in enumerate(RUNS):
        steps.extend(run_steps(run, 1000 + number))
    other = {"experiment_id": "{se2}", "run_name": "other", "start_time": 990}
    return [
        *steps,
        post("set: delete gone", "runs/delete", {"run_id": "{r7}"}),
        post("set: other", "runs/create", other, capture={"r9": "run.info.run_id"}),
        post("set: second dataset context", "runs/log-inputs", {
            "run_id": "{r9}",
            "datasets": [{"dataset": {"name": "train", "digest": "d9", "source_type": "local",
                                      "source": "s"}}],
        }),
    ]  # fmt: skip


METRIC_FILTERS = [
    "metrics.acc > 0.1", "metrics.acc >= 0.1", "metric.acc = 0.5", "metrics.acc != 0.5",
    "metrics.acc < 0.5", "metrics.acc <= 0.5", "metrics.acc > -1e3", "metrics.acc>1e-1",
    "metrics.acc > .4", "metrics.acc < -1", "metrics.acc > 1e300", "metrics.`val loss` > 1",
    'metrics."val loss" > 1', "metrics.missing != 1", "metrics.acc > '0.1'",
    "metrics.acc > abc", "metrics.acc LIKE '0%'", "metrics.acc IN (0.5)", "metrics.acc IS NULL",
    "metrics.acc = NaN", "metrics.acc == 0.5", "metrics.acc > 0.1 AND metrics.loss > 1",
    "metrics.acc > 0.1.2", "acc > 0.5", "metrics.acc <> 0.5", "0.5 < metrics.acc",
    "metrics. > 1", "metrics.acc >",
]  # fmt: skip

PARAM_AND_TAG_FILTERS = [
    "params.lr = '0.1'", "param.lr = '0.1'", "parameters.lr = \"0.1\"", "params.lr != '0.1'",
    "params.lr LIKE '0.0%'", "params.lr ILIKE '0.%1'", "params.lr IS NULL",
    "params.lr IS NOT NULL", "params.`my param` = 'p q'", "params.\"my param\" = 'p q'",
    "params.lr = 0.1", "params.lr > '0.1'", "params.lr IN ('0.1')", "params.missing = 'x'",
    "tags.env = 'Prod'", "tag.env = 'prod'", "tags.env != 'Prod'", "tags.env LIKE 'P%'",
    "tags.env LIKE 'p%'", "tags.env ILIKE 'P%'", "tags.env IS NULL", "tags.env is not null",
    "tags.env = ''", "tags.`a.b` = 'dot'", "tags.a.b = 'dot'", "tags.`my tag` = 'x y'",
    "tags.\u043a\u043b\u044e\u0447 = '\u0437\u043d'", "tags.env NOT LIKE 'P%'",
    "tags.env IN ('Prod')", "tags.mlflow.runName = 'alpha'",
    "tags.env LIKE 'P___'", "tags.env = Prod", "tags.env = 'Prod' and params.lr = '0.1'",
    "tags.env = 'Prod' AnD metrics.acc < 1", "params.lr IS 'x'", "tags.env = 'it''s'",
]  # fmt: skip

ATTRIBUTE_FILTERS = [
    "attributes.status = 'FINISHED'", "attribute.status != 'FINISHED'", "attr.status = 'finished'",
    "run.status = 'RUNNING'", "status LIKE 'F%'", "status ILIKE 'f%'",
    "status IN ('FINISHED', 'FAILED')", "run_id = '{r1}'", "run_id != '{r1}'",
    "run_id IN ('{r1}', '{r2}')", "run_id NOT IN ('{r1}', '{r2}')", "run_id IN ('{r1}')",
    "run_id IN ()", "run_id IN ('{r1}',)", "run_id IN (abc)", "run_id LIKE '{r1}%'",
    "run_name = 'alpha'", "run_name LIKE 'alpha%'", "run_name ILIKE 'ALPHA%'",
    "run_name LIKE 'alpha_two'", "run_name = '100%'", "run_name LIKE '100%'",
    "run_name = \"quote'd\"", "run_name = 'quote\\'d'", "run_name IN ('alpha', 'Beta')",
    "attributes.`Run name` = 'alpha'", "attributes.\"Run Name\" = 'Beta'",
    "`run name` = 'alpha'", "attributes.run_name != 'alpha'", "user_id = 'ann'",
    "user_id != 'ann'", "user_id ILIKE 'A%'", "start_time >= 1003", "start_time = 1003",
    "start_time != 1003", "start_time < 1001.5", "start_time = '1003'",
    "start_time IN (1003)", "attributes.created > 1005", "attributes.Created <= 1000",
    "end_time < 1800", "end_time > 0", "end_time IS NULL", "artifact_uri LIKE '%{r1}%'",
    "lifecycle_stage = 'active'", "experiment_id = '1'", "attributes.foo = 'x'",
    "foo.bar = 'x'", "status = FINISHED",
    "start_time > 1000 AND start_time < 1003 AND status = 'FAILED'",
]  # fmt: skip

DATASET_FILTERS = [
    "dataset.name = 'train'", "datasets.name = 'test'", "dataset.name != 'train'",
    "dataset.name LIKE 'tr%'", "dataset.name ILIKE 'TR%'", "dataset.name IN ('train', 'test')",
    "dataset.name NOT IN ('train')", "dataset.digest = 'd1'", "dataset.digest LIKE 'e%'",
    "dataset.context = 'training'", "dataset.context != 'training'",
    "dataset.context IN ('eval')", "dataset.name = 'train' AND dataset.digest = 'e2'",
    "dataset.name = 'train' AND dataset.context = 'eval'", "dataset.foo = 'x'",
    "dataset.name > 'a'", "dataset.name = 5", "dataset.name IN ('train'",
]  # fmt: skip

GRAMMAR_FILTERS = [
    "", "   ", "AND", "tags.env = 'Prod' AND", "AND tags.env = 'Prod'", "tags.env", "= 'Prod'",
    "tags.env = 'Prod';", "tags.env = 'Prod'; tags.env = 'dev'", "(tags.env = 'Prod')",
    "NOT tags.env = 'Prod'", "tags.env = 'Prod' tags.env = 'Prod'", "tags.env = 'Prod",
    "tags.env = 'Prod' -- c", "tags.env\n=\n'Prod'", "tags.env  =   'Prod'", "tags.env='Prod'",
    "tags.env = 'Prod' & params.lr = '0.1'", "tags.env BETWEEN 'A' AND 'Z'", "select 1",
    "tags.env = 'Prod', params.lr = '0.1'", "'Prod' = tags.env", "tags.'env' = 'Prod'",
]  # fmt: skip

RUN_ORDERS = [
    ["metrics.acc"], ["metrics.acc ASC"], ["metrics.acc DESC"], ["metric.acc desc"],
    ["params.lr", "start_time ASC"], ["params.lr DESC"], ["tags.env"], ["tags.env DESC"],
    ["start_time"], ["start_time ASC"], ["attributes.start_time DESC"], ["end_time"],
    ["end_time DESC"], ["run_name"], ["attributes.`Run name` DESC"], ["status", "run_name DESC"],
    ["attribute.Created"], ["user_id DESC", "metrics.acc DESC"], ["metrics.`val loss`"],
    ["metrics.missing"], ["run_id FOO"], ["foo"], ["foo.bar"], [""], ["metrics.acc, run_name"],
    ["dataset.name"], ["artifact_uri"], ["metrics.acc", "metrics.acc DESC"], [5], "metrics.acc",
]  # fmt: skip


def search_runs(label, **fields):
    """Makes a search over the experiment of the fixed set."""
    return post(label, "runs/search", {"experiment_ids": ["{se}"], **fields})


def run_filters():
    """Every filter on its own, all answered in the default order."""
    filters = [
        *METRIC_FILTERS, *PARAM_AND_TAG_FILTERS, *ATTRIBUTE_FILTERS, *DATASET_FILTERS,
        *GRAMMAR_FILTERS,
    ]  # fmt: skip
    return [search_runs(f"runs filter: {text!r}", filter=text) for text in filters]


def run_orders():
    """Orders, over the runs that are active.

    An order by artifact location is an order by random id: of that one only the status is kept.
    """
    entries = [search_runs(f"runs order: {order!r}", order_by=order) for order in RUN_ORDERS]
    for entry in entries:
        if "artifact_uri" in entry["label"]:
            entry["compare"] = "status"
    return entries


def token(document):
    """Spells a page token as MLflow does."""
    return base64.b64encode(json.dumps(document).encode()).decode()


def run_pages():
    """View types, page tokens and the types of the other fields."""
    both = {"experiment_ids": ["{se}", "{se2}"]}
    return [
        search_runs("runs view ALL", run_view_type="ALL"),
        search_runs("runs view DELETED_ONLY", run_view_type="DELETED_ONLY"),
        search_runs("runs view 2", run_view_type=2),
        search_runs("runs view bad", run_view_type="FOO"),
        post("runs of two experiments", "runs/search", {**both, "filter": "start_time < 1001"}),
        post("runs of unknown experiment", "runs/search", {"experiment_ids": ["4242"]}),
        post("runs twice the same experiment", "runs/search",
             {"experiment_ids": ["{se}", "{se}"], "filter": "start_time < 1001"}),
        post("runs experiment_ids int", "runs/search", {"experiment_ids": [1]}),
        search_runs("runs camelCase", orderBy=["start_time ASC"], maxResults=1),
        search_runs("runs page 1", max_results=3, capture_page="rp1"),
        search_runs("runs page 2", max_results=3, page_token="{rp1}", capture_page="rp2"),
        search_runs("runs page 3", max_results=3, page_token="{rp2}"),
        search_runs("runs page 1 by metric", max_results=4, order_by=["metrics.acc DESC"],
                    capture_page="rm1"),
        search_runs("runs page 2 by metric", max_results=4, order_by=["metrics.acc DESC"],
                    page_token="{rm1}"),
        search_runs("runs page exact", max_results=7),
        search_runs("runs token empty", page_token="", max_results=1, filter="start_time < 1001"),
        search_runs("runs token bad", page_token="abc"),
        search_runs("runs token not json", page_token=base64.b64encode(b"x").decode()),
        search_runs("runs token text offset", page_token=token({"offset": "x"})),
        search_runs("runs token without offset", page_token=token({})),
        search_runs("runs token int", page_token=5),
        search_runs("runs token list", page_token=["x"]),
        search_runs("runs max_results -1", max_results=-1),
        search_runs("runs max_results text", max_results="2", filter="start_time < 1001"),
        search_runs("runs max_results bad text", max_results="two"),
        search_runs("runs max_results float", max_results=1.5),
        search_runs("runs max_results 50000", max_results=50000, filter="start_time < 1001"),
        search_runs("runs max_results huge", max_results=99999999999999999999),
        search_runs("runs filter int", filter=5),
        search_runs("runs filter list", filter=["x"]),
        search_runs("runs order null", order_by=None, filter="start_time < 1001"),
    ]  # fmt: skip


EXPERIMENT_FILTERS = [
    "name = 'search'", "name != 'search'", "name LIKE 'sea%'", "name ILIKE 'SEA%'",
    "name LIKE 'SEA%'", "attribute.name = 'search two'", "attributes.name = 'search'",
    "name IN ('search')", "experiment_id = '{se}'", "experiment_id IN ('{se}', '{se2}')",
    "experiment_id NOT IN ('{se}') AND name LIKE 'search%'", "experiment_id > '1'",
    "experiment_id = 5", "creation_time > 0 AND name = 'search'", "creation_time < 1",
    "creation_time > 1.5", "creation_time = 'x'", "last_update_time > 0 AND name LIKE 'search%'",
    "tags.team = 'ml'", "tag.team != 'ml'", "tags.team LIKE 'm%'", "tags.team ILIKE 'M%'",
    "tags.team IS NULL AND name LIKE 'search%'", "tags.team IS NOT NULL", "tags.`a b` = 'c d'",
    "tags.team = 'ml' AND name = 'search'", "name = search", "name > 'a'", "foo = 'x'",
    "metrics.acc > 1", "name = 'search' OR name = 'x'", "lifecycle_stage = 'active'", "name",
    "name = 'search';", "(name = 'search')",
]  # fmt: skip

EXPERIMENT_ORDERS = [
    ["name"], ["name DESC"], ["experiment_id"], ["experiment_id DESC"], ["creation_time"],
    ["creation_time ASC", "name"], ["last_update_time DESC"], ["attribute.name ASC"],
    ["tags.team"], ["foo"], ["name FOO"], ["name", "name"], [""], ["lifecycle_stage"],
]  # fmt: skip


def search_experiments(label, **fields):
    """Makes a search for experiments."""
    return post(label, "experiments/search", {"max_results": 100, **fields})


def experiment_search():
    """Filters, orders and pages of experiments."""
    named = "name LIKE 'search%'"
    return [
        post("set: tag search", "experiments/set-experiment-tag",
             {"experiment_id": "{se}", "key": "team", "value": "ml"}),
        post("set: tag search two", "experiments/set-experiment-tag",
             {"experiment_id": "{se2}", "key": "team", "value": "Ops"}),
        post("set: spaced tag", "experiments/set-experiment-tag",
             {"experiment_id": "{se2}", "key": "a b", "value": "c d"}),
        *[search_experiments(f"experiments filter: {t!r}", filter=t) for t in EXPERIMENT_FILTERS],
        *[search_experiments(f"experiments order: {o!r}", filter=named, order_by=o)
          for o in EXPERIMENT_ORDERS],
        search_experiments("experiments page 1", max_results=1, filter=named, capture_page="ep1"),
        search_experiments("experiments page 2", max_results=1, filter=named, page_token="{ep1}"),
        search_experiments("experiments token bad", page_token="abc"),
        search_experiments("experiments token int", page_token=5),
        search_experiments("experiments max_results text", max_results="1", filter=named),
        search_experiments("experiments max_results -1", max_results=-1),
        search_experiments("experiments max_results float", max_results=1.5),
        search_experiments("experiments filter int", filter=5),
        search_experiments("experiments order text", order_by="name"),
        get("experiments GET filter",
            "experiments/search?max_results=5&filter=name%20LIKE%20'search%25'&order_by=name"
            "&order_by=experiment_id"),
        get("experiments GET max_results bad", "experiments/search?max_results=x"),
    ]  # fmt: skip


def with_page_captures(entries, field="next_page_token"):
    """Turns the short `capture_page` of a body into a capture of the page token."""
    for entry in entries:
        if not isinstance(entry["body"], str) or "capture_page" not in entry["body"]:
            continue
        body = json.loads(entry["body"])
        entry["capture"] = {body.pop("capture_page"): field}
        entry["body"] = json.dumps(body, ensure_ascii=False)
    return entries


def table():
    """Gives this part of the table."""
    return with_page_captures(
        [*data_set(), *run_filters(), *run_orders(), *run_pages(), *experiment_search()]
    )
