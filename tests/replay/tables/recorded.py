"""The first table: the basic good and bad ways of the tracking, registry, artifact and webhook
routes, in an order in which each step finds the state it needs."""

from tables.entry import ARTIFACTS, delete, get, patch, post, probe

RUN = "{run}"


def transport():
    """How a request is read: methods, content types, malformed bodies, spellings of a field."""
    create = "experiments/create"
    return [
        get("unknown route", "nope"),
        get("wrong method", "runs/create"),
        probe("wrong method DELETE", "DELETE", "runs/get"),
        post(
            "no content type",
            create,
            '{"name": "ct"}',
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
        post("text content type", create, '{"name": "ct"}', headers={"Content-Type": "text/plain"}),
        post(
            "ctype with charset",
            create,
            '{"name": "ct"}',
            headers={"Content-Type": "application/json; charset=utf-8"},
        ),
        post("malformed json", create, '{"name": '),
        post("json array body", create, "[1]"),
        post("double-encoded json", create, '"{\\"name\\": \\"dbl\\"}"'),
        post("unknown field ignored", create, {"name": "unk", "zzz": 1}),
        post("camelCase accepted", create, {"name": "camel", "artifactLocation": "s3://b/x"}),
        post(
            "snake+camel conflict",
            create,
            {"name": "both", "artifact_location": "s3://b/x", "artifactLocation": "s3://b/x"},
        ),
        post("int name", create, {"name": 5}),
        post("dup", create, {"name": "unk"}),
        post("null value ok", create, {"name": "nul", "artifact_location": None}),
        post("empty name", create, {"name": ""}),
        post("name 501", create, {"name": "n" * 501}),
    ]


def experiments():
    """Artifact locations, get and search of experiments."""
    create = "experiments/create"
    search = "experiments/search"
    locations = [
        ("fragment", "fr", "s3://b/x#y"),
        ("query", "fr2", "s3://b/x?y=1"),
        ("relative", "fr3", "rel"),
        ("traversal", "fr4", "file:///a/../b"),
        ("runs:", "fr5", "runs:/x/y"),
    ]
    return [
        *[
            post(f"artifact_location {label}", create, {"name": name, "artifact_location": where})
            for label, name, where in locations
        ],
        get("get exp 0", "experiments/get?experiment_id=0"),
        get("get exp missing", "experiments/get?experiment_id=999"),
        get("get exp abc", "experiments/get?experiment_id=abc"),
        get("get exp none", "experiments/get"),
        get("get by name missing", "experiments/get-by-name?experiment_name=zz"),
        get("exp search GET no params", search),
        post("exp search max_results 0", search, {"max_results": 0}),
        get("exp search GET", "experiments/search?max_results=1&view_type=ALL"),
        post("exp search 50001", search, {"max_results": 50001}),
        post("exp search empty body", search, ""),
        post("exp search bad token", search, {"page_token": "zz"}),
        post("exp search bad token2", search, {"page_token": "eyJvZmZzZXQiOiAieCJ9"}),
        post("exp search view_type str", search, {"max_results": 10, "view_type": "ALL"}),
        post("exp search view_type bad", search, {"max_results": 10, "view_type": "FOO"}),
    ]


def run_creation():
    """Making and reading runs."""
    create = "runs/create"
    twice = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]
    name_tag = [{"key": "mlflow.runName", "value": "b"}]
    return [
        post("create run min", create, {"experiment_id": "0"}, capture={"run": "run.info.run_id"}),
        post(
            "create run str time",
            create,
            {"experiment_id": "0", "start_time": "123", "run_name": "n", "user_id": "u"},
        ),
        post("create run float time", create, {"experiment_id": "0", "start_time": 12.5}),
        post("create run no body", create, ""),
        post("create run bad exp", create, {"experiment_id": "77"}),
        post("create run dup tag keys", create, {"experiment_id": "0", "tags": twice}),
        post(
            "create run name conflict",
            create,
            {"experiment_id": "0", "run_name": "a", "tags": name_tag},
        ),
        get("get run", "runs/get?run_id={run}"),
        get("get run uuid", "runs/get?run_uuid={run}"),
        get("get run missing", "runs/get?run_id=abc"),
        get("get run none", "runs/get"),
    ]


def metrics():
    """Single metrics: kinds of values, required fields, names."""
    path = "runs/log-metric"

    def metric(label, **fields):
        return post(label, path, {"run_id": RUN, **fields})

    def raw(label, token):
        return post(label, path, '{"run_id":"{run}","key":"raw","value":%s,"timestamp":1}' % token)

    values = ["NaN", "Infinity", "-Infinity", 1e308, "1.5", "abc", True, None]
    return [
        *[
            metric(f"log-metric value={v!r}", key="m" + str(v)[:3], value=v, timestamp=1)
            for v in values
        ],
        raw("log-metric raw NaN", "NaN"),
        raw("log-metric raw Infinity", "Infinity"),
        metric("log-metric no ts", key="k", value=1),
        metric("log-metric neg ts", key="k", value=1, timestamp=-1),
        metric("log-metric neg step", key="k", value=1, timestamp=1, step=-5),
        metric("log-metric bad key", key="a*b", value=1, timestamp=1),
        metric("log-metric path key", key="a//b", value=1, timestamp=1),
        metric("log-metric 251 key", key="k" * 251, value=1, timestamp=1),
        metric("log-metric unicode key", key="\u043c\u0435\u0442", value=1, timestamp=1),
        metric("log-metric newline key", key="nl\n", value=1, timestamp=1),
    ]


def params_tags_batches():
    """Params, tags, batches and updates of one run."""
    param = "runs/log-parameter"
    batch = "runs/log-batch"
    many_metrics = [{"key": "k", "value": 1, "timestamp": 1, "step": i} for i in range(1001)]
    many_params = [{"key": f"p{i}", "value": "1"} for i in range(101)]
    same_params = [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]
    return [
        post("log-param", param, {"run_id": RUN, "key": "p", "value": "1"}),
        post("log-param again", param, {"run_id": RUN, "key": "p", "value": "1"}),
        post("log-param change", param, {"run_id": RUN, "key": "p", "value": "2"}),
        post("log-param no value", param, {"run_id": RUN, "key": "q"}),
        post("log-param 6001", param, {"run_id": RUN, "key": "long", "value": "x" * 6001}),
        post("set-tag 8001", "runs/set-tag", {"run_id": RUN, "key": "long", "value": "x" * 8001}),
        post("set-tag no value", "runs/set-tag", {"run_id": RUN, "key": "nv"}),
        post("del-tag missing", "runs/delete-tag", {"run_id": RUN, "key": "zz"}),
        post(
            "set-tag runName",
            "runs/set-tag",
            {"run_id": RUN, "key": "mlflow.runName", "value": "renamed"},
        ),
        post("log-batch empty", batch, {"run_id": RUN}),
        post(
            "log-batch missing field",
            batch,
            {"run_id": RUN, "metrics": [{"key": "a", "timestamp": 1}]},
        ),
        post("log-batch no run", batch),
        post("log-batch dup params", batch, {"run_id": RUN, "params": same_params}),
        post("log-batch 1001 metrics", batch, {"run_id": RUN, "metrics": many_metrics}),
        post("log-batch 101 params", batch, {"run_id": RUN, "params": many_params}),
        post("update run", "runs/update", {"run_id": RUN, "status": "FINISHED", "end_time": 5}),
        post("update run bad status", "runs/update", {"run_id": RUN, "status": "FOO"}),
        post("update run int status", "runs/update", {"run_id": RUN, "status": 1}),
    ]


def history():
    """Metric history, one by one, in bulk and sampled."""
    return [
        get("history none", "metrics/get-history?run_id={run}"),
        get("history", "metrics/get-history?metric_key=mNaN&run_id={run}"),
        get("history unknown run", "metrics/get-history?metric_key=x&run_id=abc"),
        get(
            "history max_results 0",
            "metrics/get-history?metric_key=x&max_results=0&run_id={run}",
        ),
        get("bulk", "/ajax-api/2.0/mlflow/metrics/get-history-bulk?metric_key=mNaN&run_id={run}"),
        get("bulk api/2.0 path", "metrics/get-history-bulk?metric_key=x&run_id={run}"),
        get("bulk-interval", "metrics/get-history-bulk-interval?metric_key=mNaN&run_ids={run}"),
    ]


def run_search():
    """Search of runs and its refusals."""

    def search(label, compare=None, **fields):
        entry = post(label, "runs/search", {"experiment_ids": ["0"], **fields})
        return {**entry, "compare": compare} if compare else entry

    return [
        # Two of the three runs start at the same time, so that their order is by random id.
        search("search runs", compare="any order"),
        post("search runs no exp", "runs/search"),
        search("search runs bad filter", filter="metrics.m"),
        search("search runs OR", filter="metrics.m > 1 OR metrics.m < 2"),
        search("search runs max 50001", max_results=50001),
        search("search runs max 0", max_results=0),
        post("search runs expid str", "runs/search", {"experiment_ids": "0"}),
        search("search runs bad attr", filter="foo = 'x'"),
        search("search runs bad orderby", order_by=["foo bar baz"]),
        search("search runs dup orderby", order_by=["start_time", "start_time DESC"]),
        post("search runs exp abc", "runs/search", {"experiment_ids": ["abc"]}),
        search("search runs double quoted", filter='attributes.run_name = "renamed"'),
        search("search runs user_id", filter="user_id = 'u'"),
    ]


def deletion():
    """Deleting and restoring runs and experiments, and writes to what is deleted."""
    zero = {"experiment_id": "0"}
    return [
        post("delete run", "runs/delete", {"run_id": RUN}),
        post("delete again", "runs/delete", {"run_id": RUN}),
        post("log to deleted", "runs/log-parameter", {"run_id": RUN, "key": "z", "value": "1"}),
        post("restore", "runs/restore", {"run_id": RUN}),
        post("restore again", "runs/restore", {"run_id": RUN}),
        post("delete exp 0", "experiments/delete", zero),
        post("delete exp 0 again", "experiments/delete", zero),
        post("create run in deleted", "runs/create", zero),
        post("rename deleted", "experiments/update", {**zero, "new_name": "d"}),
        post("restore exp", "experiments/restore", zero),
        post("restore active", "experiments/restore", zero),
        post("rename dup", "experiments/update", {**zero, "new_name": "unk"}),
        post("delete exp tag missing", "experiments/delete-experiment-tag", {**zero, "key": "zz"}),
    ]


def models():
    """Registered models and the sources of their versions."""
    create = "registered-models/create"
    sources = [
        ("mv dbfs", "dbfs:/x"),
        ("mv http", "http://h/x"),
        ("mv artifacts no run", "mlflow-artifacts:/x"),
        ("mv models", "models:/m/1"),
        ("mv query", "s3://b/x?y=1"),
    ]

    def version(label, source, name="m"):
        return post(label, "model-versions/create", {"name": name, "source": source})

    return [
        post("rm create", create, {"name": "m"}),
        post("rm dup", create, {"name": "m"}),
        post("rm bad name", create, {"name": "a/b"}),
        post("rm no name", create),
        get("rm get", "registered-models/get?name=m"),
        get("rm get missing", "registered-models/get?name=zz"),
        post("rm dots name", create, {"name": ".."}),
        version("mv create local no run", "/tmp/x"),
        version("mv create s3", "s3://b/x"),
        version("mv create s3 ..", "s3://b/../x"),
        version("mv create runs no run", "runs:/abc/m"),
        post("mv create no source", "model-versions/create", {"name": "m"}),
        version("mv create missing rm", "s3://b/x", name="zz"),
        *[version(label, source) for label, source in sources],
        get("mv get", "model-versions/get?name=m&version=1"),
        get("mv get int", "model-versions/get?name=m&version=99"),
        get("mv get abc", "model-versions/get?name=m&version=abc"),
        get("download uri", "model-versions/get-download-uri?name=m&version=1"),
    ]


def stages_and_aliases():
    """Stages, aliases, searches and deletion in the registry."""
    alias = "registered-models/alias"

    def transition(label, stage, archive=None):
        body = {"name": "m", "version": "1", "stage": stage}
        if archive is not None:
            body["archive_existing_versions"] = archive
        return post(label, "model-versions/transition-stage", body)

    names = ["champ", "v1", "latest", "a b", "LATEST", ""]
    return [
        transition("transition", "production", True),
        transition("transition no archive", "Staging"),
        transition("transition bad", "foo"),
        transition("transition archive none", "None", True),
        *[
            post(f"alias {name!r}", alias, {"name": "m", "alias": name, "version": "1"})
            for name in names
        ],
        get("alias get", "registered-models/alias?name=m&alias=champ"),
        get("alias get missing", "registered-models/alias?name=m&alias=zz"),
        get("alias latest", "registered-models/alias?name=m&alias=latest"),
        delete("alias del missing", alias, {"name": "m", "alias": "zz"}),
        post("alias to missing version", alias, {"name": "m", "alias": "c2", "version": "9"}),
        get("rm search", "registered-models/search?max_results=1"),
        get("rm search 1001", "registered-models/search?max_results=1001"),
        get("rm search 0", "registered-models/search?max_results=0"),
        get("rm search bad", "registered-models/search?filter=foo%20%3D%20'x'"),
        get("mv search", "model-versions/search?filter=name%3D'm'"),
        get("mv search bad order", "model-versions/search?order_by=foo"),
        post("latest", "registered-models/get-latest-versions", {"name": "m"}),
        post(
            "latest stage",
            "registered-models/get-latest-versions",
            {"name": "m", "stages": ["Staging"]},
        ),
        delete("delete-tag missing", "registered-models/delete-tag", {"name": "m", "key": "zz"}),
        patch("update rm no desc", "registered-models/update", {"name": "m"}),
        post("rename", "registered-models/rename", {"name": "m", "new_name": "m2"}),
        delete("delete rm", "registered-models/delete", {"name": "m2"}),
        delete("delete rm again", "registered-models/delete", {"name": "m2"}),
    ]


def artifacts():
    """Artifacts through the proxy and through the run routes."""
    at = ARTIFACTS
    up = "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=x/y.txt"
    return [
        probe("put", "PUT", f"{at}/a/b.txt", b"hello", headers={"Content-Type": "text/plain"}),
        probe("put json", "PUT", f"{at}/a/c.json", b"{}", headers={"Content-Type": "text/plain"}),
        get("get", f"{at}/a/b.txt"),
        get("range", f"{at}/a/b.txt", headers={"Range": "bytes=1-2"}),
        get("get dir", f"{at}/a"),
        get("get missing", f"{at}/zz"),
        get("list root", at),
        get("list a", f"{at}?path=a"),
        get("list missing", f"{at}?path=zz"),
        get("list file", f"{at}?path=a/b.txt"),
        get("traversal", f"{at}/..%2f..%2fetc/passwd"),
        get("traversal list", f"{at}?path=../.."),
        get("abs list", f"{at}?path=/etc"),
        delete("del", f"{at}/a/b.txt"),
        delete("del missing", f"{at}/zz"),
        post(
            "mpu create",
            "/api/2.0/mlflow-artifacts/mpu/create/a",
            {"path": "a/big", "num_parts": 1},
        ),
        get("presigned", "/api/2.0/mlflow-artifacts/presigned/a/c.json"),
        post("presigned-upload", "artifacts/presigned-upload-url", {"run_id": RUN, "path": "x"}),
        probe("head", "HEAD", f"{at}/a/c.json"),
        get("artifacts/list", "artifacts/list?run_id={run}"),
        get("artifacts/list bad path", "artifacts/list?run_id={run}&path=../x"),
        get("get-artifact missing", "/get-artifact?run_id={run}&path=zz"),
        get("get-artifact no path", "/get-artifact?run_id={run}"),
        probe("upload-artifact", "POST", up, b"up"),
        get("get-artifact", "/get-artifact?run_id={run}&path=x/y.txt"),
        get("artifacts/list2", "artifacts/list?run_id={run}"),
    ]


def server_and_ui():
    """Health, version and the routes of the web page."""
    datasets = "/ajax-api/2.0/mlflow/experiments/search-datasets"
    query = '{ test(inputString: "x") { output } }'
    return [
        get("health", "/health"),
        get("version", "/version"),
        get("server-info", "/api/3.0/mlflow/server-info"),
        get("metrics", "/metrics"),
        get("root", "/", compare="status"),
        post("graphql", "/graphql", {"query": query}),
        post("search-datasets", datasets, {"experiment_ids": ["0"]}),
        post("search-datasets empty", datasets, {"experiment_ids": []}),
        get(
            "gateway-proxy",
            "/ajax-api/2.0/mlflow/gateway-proxy?gateway_path=api/2.0/endpoints/",
        ),
        get("ui-telemetry", "/ajax-api/3.0/mlflow/ui-telemetry"),
    ]


def logged_models():
    """The life of one logged model."""
    one = "logged-models/{model}"
    search = "logged-models/search"
    tags = {"tags": [{"key": "a", "value": "b"}]}
    return [
        post(
            "lm create",
            "logged-models",
            {"experiment_id": "0", "name": "x"},
            capture={"model": "model.info.model_id"},
        ),
        get("lm get", one),
        patch("lm finalize str", one, {"model_id": "{model}", "status": "LOGGED_MODEL_READY"}),
        patch("lm finalize int", one, {"model_id": "{model}", "status": 2}),
        patch("lm tags", f"{one}/tags", tags),
        delete("lm del tag missing", f"{one}/tags/zz"),
        post("lm search", search, {"experiment_ids": ["0"]}),
        post("lm search none", search),
        post("lm search bad", search, {"experiment_ids": ["0"], "filter": "foo.x = 1"}),
        get("lm dirs", f"{one}/artifacts/directories"),
        delete("lm delete", one),
        get("lm get deleted", one),
        get("lm get deleted allow", f"{one}?allow_deleted=true"),
        post("lm bad name", "logged-models", {"experiment_id": "0", "name": "a.b"}),
    ]


def webhooks():
    """Webhooks: the checks of URL and events, list and get."""

    def create(label, url, **more):
        body = {"name": "w", "url": url, **more}
        return post(label, "webhooks", body)

    good = {"events": [{"entity": "MODEL_VERSION", "action": "CREATED"}]}
    wrong = {"events": [{"entity": "MODEL_VERSION", "action": "DELETED"}]}
    return [
        create("wh create http", "http://1.1.1.1/x", **good),
        create("wh create private", "https://127.0.0.1/x", **good),
        create("wh create noevents", "https://1.1.1.1/x"),
        create("wh create ok", "https://1.1.1.1/x", **good),
        create("wh bad combo", "https://1.1.1.1/x", **wrong),
        get("wh list", "webhooks?max_results=1"),
        get("wh get missing", "webhooks/zz"),
    ]


def gate():
    """The checks of Host and Origin that come before every route."""
    evil = "http://evil.example"
    preflight = {"Origin": evil, "Access-Control-Request-Method": "POST"}
    search = "experiments/search"
    return [
        probe("cors", "OPTIONS", search, headers=preflight, group="server"),
        get(
            "bad host",
            "experiments/search?max_results=1",
            headers={"Host": "evil.example"},
            group="server",
        ),
        post(
            "evil origin", search, {"max_results": 1}, headers={"Origin": evil}, group="server"
        ),
    ]


def table():
    """Gives the whole table, in the order in which it has to be sent."""
    parts = [
        transport, experiments, run_creation, metrics, params_tags_batches, history, run_search,
        deletion, models, stages_and_aliases, artifacts, server_and_ui, logged_models, webhooks,
        gate,
    ]  # fmt: skip
    return [entry for part in parts for entry in part()]
