"""The model registry: every route and field, every rule about sources, search, and prompts.

It stands on its own: the runs and logged models that sources need are made first.
"""

import urllib.parse

from tables.entry import delete, get, patch, post
from tables.more_search import pairs

RM = "registered-models"
MV = "model-versions"
PROMPT = {"mlflow.prompt.is_prompt": "true"}


def table():
    """Gives the whole script."""
    return [
        *origins(), *models(), *sources(), *versions(), *stages(), *aliases(), *tags(),
        *prompts(), *searches(), *endings(),
    ]  # fmt: skip


def origins():
    """Runs and logged models that versions come from."""
    return [
        post("reg: experiment", "experiments/create", {"name": "reg"}, setup=True,
             capture={"exp": "experiment_id"}),
        post("reg: run", "runs/create", {"experiment_id": "{exp}", "run_name": "one"}, setup=True,
             capture={"run": "run.info.run_id", "files": "run.info.artifact_uri"}),
        post("reg: other run", "runs/create", {"experiment_id": "{exp}", "run_name": "two"},
             setup=True, capture={"run2": "run.info.run_id"}),
        post("reg: local experiment", "experiments/create",
             {"name": "reg local", "artifact_location": "/nowhere/reg"}, setup=True,
             capture={"local": "experiment_id"}),
        post("reg: local run", "runs/create", {"experiment_id": "{local}", "run_name": "l"},
             setup=True, capture={"lrun": "run.info.run_id"}),
        post("reg: logged model", "logged-models",
             {"experiment_id": "{exp}", "name": "lm", "source_run_id": "{run}"}, setup=True,
             capture={"lm": "model.info.model_id", "lmfiles": "model.info.artifact_uri"}),
        post("reg: logged model of no run", "logged-models",
             {"experiment_id": "{exp}", "name": "lone"}, setup=True,
             capture={"lone": "model.info.model_id"}),
    ]  # fmt: skip


def models():
    """Creating, reading, describing, renaming and deleting registered models."""

    def make(label, **fields):
        return post(f"reg: create {label}", f"{RM}/create", fields)

    return [
        make("whole", name="whole", description="what it is", tags=pairs({"b": "2", "a": "1"})),
        make("int name", name=5),
        make("blank name", name=" "),
        make("name with colon", name="a:b"),
        *[make(f"name {n!r}", name=n) for n in (".", "../a", "a b", "größe", "a%2Fb", "a.b")],
        make("description int", name="x", description=5),
        make("tags text", name="x", tags="t"),
        make("tag without value", name="tagged", tags=[{"key": "k"}]),
        make("tag without key", name="x", tags=[{"value": "v"}]),
        make("tag twice", name="twice", tags=[*pairs({"k": "1"}), *pairs({"k": "2"})]),
        make("tag key with star", name="x", tags=pairs({"a*b": "v"})),
        make("tag key 251", name="x", tags=pairs({"k" * 251: "v"})),
        make("camel case", name="camel", deploymentJobId="x"),
        get("reg: get whole", f"{RM}/get?name=whole"),
        get("reg: get without a name", f"{RM}/get"),
        get("reg: get a/b", f"{RM}/get?name=a%2Fb"),
        patch("reg: describe", f"{RM}/update", {"name": "whole", "description": "other"}),
        patch("reg: describe nothing", f"{RM}/update", {"name": "whole"}),
        patch("reg: describe unknown", f"{RM}/update", {"name": "zz", "description": "d"}),
        patch("reg: describe int", f"{RM}/update", {"name": "whole", "description": 1}),
        post("reg: rename to a taken name", f"{RM}/rename", {"name": "whole", "new_name": "twice"}),
        post("reg: rename to itself", f"{RM}/rename", {"name": "twice", "new_name": "twice"}),
        post("reg: rename to nothing", f"{RM}/rename", {"name": "whole"}),
        post("reg: rename to blank", f"{RM}/rename", {"name": "whole", "new_name": " "}),
        post("reg: rename to a/b", f"{RM}/rename", {"name": "whole", "new_name": "a/b"}),
        post("reg: rename unknown", f"{RM}/rename", {"name": "zz", "new_name": "yy"}),
        post("reg: rename in camel case", f"{RM}/rename", {"name": "zz", "newName": "yy"}),
        post("reg: rename camel", f"{RM}/rename", {"name": "camel", "new_name": "snake"}),
        delete("reg: delete snake", f"{RM}/delete", {"name": "snake"}),
        delete("reg: delete without a name", f"{RM}/delete", {}),
        make("in place of a deleted one", name="snake"),
    ]


def sources():
    """What a version may say of where its files are."""

    def make(label, source, **fields):
        return post(f"reg: source {label}", f"{MV}/create",
                    {"name": "s", "source": source, **fields})  # fmt: skip

    proxied = "mlflow-artifacts:/{exp}/{run}/artifacts"
    return [
        post("reg: model of sources", f"{RM}/create", {"name": "s"}, setup=True),
        make("of the run", "{files}/model", run_id="{run}"),
        make("written out", f"{proxied}/model", run_id="{run}"),
        make("the whole run", proxied, run_id="{run}"),
        make("of another run", f"{proxied}/model", run_id="{run2}"),
        make("of an unknown run", f"{proxied}/model", run_id="0" * 32),
        make("leading up", f"{proxied}/../x", run_id="{run}"),
        make("leading up encoded", f"{proxied}/%252e%252e/x", run_id="{run}"),
        make("with a dot", f"{proxied}/./x", run_id="{run}"),
        make("with a double slash", f"{proxied}//x", run_id="{run}"),
        make("beside the run", f"{proxied}X/x", run_id="{run}"),
        make("on a host", "mlflow-artifacts://h/x", run_id="{run}"),
        make("runs", "runs:/{run}/model", run_id="{run}"),
        make("runs of another", "runs:/{run2}/model", run_id="{run}"),
        make("runs with a host", "runs://h/{run}/model", run_id="{run}"),
        make("runs without a run", "runs:/", run_id="{run}"),
        make("runs with a model", "runs:/{run}/model", model_id="{lm}"),
        make("local", "/nowhere/reg/{lrun}/artifacts/m", run_id="{lrun}"),
        make("local uri", "file:///nowhere/reg/{lrun}/artifacts/m", run_id="{lrun}"),
        make("local outside", "/nowhere/else", run_id="{lrun}"),
        make("local around", "/nowhere/reg/{lrun}/artifacts/../../x", run_id="{lrun}"),
        make("local of a proxied run", "/nowhere/reg", run_id="{run}"),
        make("local of an unknown run", "/nowhere/reg", run_id="0" * 32),
        make("local with a model", "/nowhere/reg", model_id="{lm}"),
        make("file on a host", "file://elsewhere/x", run_id="{run}"),
        make("logged model", "models:/{lm}", model_id="{lm}"),
        make("logged model of no run", "models:/{lone}", model_id="{lone}"),
        make("logged model and run", "models:/{lm}", model_id="{lm}", run_id="{run2}"),
        make("another logged model", "models:/{lone}", model_id="{lm}"),
        make("logged model unsaid", "models:/{lm}"),
        make("files of a logged model", "{lmfiles}", model_id="{lm}"),
        make("files of a run, model named", proxied, model_id="{lm}"),
        make("bucket and model", "s3://b/x", model_id="{lm}"),
        make("bucket and unknown model", "s3://b/x", model_id="m-" + "0" * 32),
        make("unknown logged model", "models:/m-" + "0" * 32, model_id="m-" + "0" * 32),
        get("reg: the logged model knows", "logged-models/{lm}"),
        make("version", "models:/s/1"),
        make("version 01", "models:/s/01"),
        make("version of a version", "models:/s/latest"),
        make("version by stage", "models:/s/None"),
        make("version by unknown stage", "models:/s/foo"),
        make("version by empty stage", "models:/s/Production"),
        make("version by unknown alias", "models:/s@zz"),
        make("unknown version", "models:/s/999"),
        make("version of unknown model", "models:/zz/1"),
        make("version and its run", "models:/s/1", run_id="{run}"),
        make("version and another run", "models:/s/1", run_id="{run2}"),
        make("version and no run", "models:/s/1", run_id=""),
        make("version and a model", "models:/s/1", model_id="{lm}"),
        make("version on a host", "models://h/s/1"),
        make("version of three parts", "models:/s/1/2"),
        make("version of nothing", "models:/"),
        *[make(f"{s!r}", s) for s in (
            "s3://b", "s3://b/", "s3://b//x", "gs://b/x", "dbfs:x", "hdfs://h/x", "ftp://h/x",
            "wasbs://c@a.net/x", "abfss://f@a.net/x", "https://h/x", "s3://b/x#y", "s3://b/a+b",
            "s3://b/x?y=..", "s3://b/x?y=/../z", "C:/x", "x", "./x", "S3://b/x", "a:b",
        )],
        make("int", 5),
        make("run int", "s3://b/x", run_id=5),
        make("link and description", "s3://b/x", run_link="http://l", description="d"),
        make("tags", "s3://b/x", tags=pairs({"t": "1", "s": ""})),
        make("tag key with star", "s3://b/x", tags=pairs({"a*b": "v"})),
        make("tags text", "s3://b/x", tags="t"),
        make("camel case", "s3://b/x", runId="{run}", runLink="l"),
        make("both spellings", "s3://b/x", runId="{run}", run_id="{run}"),
        get("reg: download uri of runs", f"{MV}/get-download-uri?name=s&version=7"),
        get("reg: versions by number", f"{MV}/search?filter=name%3D's'&order_by=version_number"),
        *[get(f"reg: download uri {n}", f"{MV}/get-download-uri?name=s&version={n}")
          for n in range(1, 14)],
        get("reg: download uri of nothing", f"{MV}/get-download-uri"),
        get("reg: download uri of no version", f"{MV}/get-download-uri?name=s"),
    ]  # fmt: skip


def versions():
    """Reading, describing and deleting versions."""
    at = {"name": "v", "version": "1"}
    return [
        post("reg: model of versions", f"{RM}/create", {"name": "v"}, setup=True),
        *[post(f"reg: version {n}", f"{MV}/create",
               {"name": "v", "source": f"s3://b/{n}", "run_id": "r" * n, "tags": pairs({"n": str(n)})},
               setup=True) for n in range(1, 6)],
        get("reg: get version", f"{MV}/get?name=v&version=1"),
        get("reg: get version ' 1 '", f"{MV}/get?name=v&version=%201%20"),
        get("reg: get version 1.0", f"{MV}/get?name=v&version=1.0"),
        get("reg: get version -1", f"{MV}/get?name=v&version=-1"),
        get("reg: get version of nothing", f"{MV}/get?name=v"),
        get("reg: get version of unknown model", f"{MV}/get?name=zz&version=1"),
        get("reg: get version of a/b", f"{MV}/get?name=a%2Fb&version=1"),
        patch("reg: describe version", f"{MV}/update", {**at, "description": "d"}),
        patch("reg: describe version with nothing", f"{MV}/update", {**at, "description": ""}),
        patch("reg: describe version no more", f"{MV}/update", at),
        patch("reg: describe version int", f"{MV}/update", {"name": "v", "version": 1}),
        patch("reg: describe unknown version", f"{MV}/update", {"name": "v", "version": "77"}),
        get("reg: model after its version changed", f"{RM}/get?name=v"),
        delete("reg: delete version 5", f"{MV}/delete", {"name": "v", "version": "5"}),
        delete("reg: delete it again", f"{MV}/delete", {"name": "v", "version": "5"}),
        delete("reg: delete version abc", f"{MV}/delete", {"name": "v", "version": "abc"}),
        get("reg: get deleted version", f"{MV}/get?name=v&version=5"),
        get("reg: download uri of deleted version", f"{MV}/get-download-uri?name=v&version=5"),
        post("reg: version after a deleted one", f"{MV}/create", {"name": "v", "source": "s3://b/6"}),
        get("reg: model after a deletion", f"{RM}/get?name=v"),
    ]  # fmt: skip


def stages():
    """Moving versions from stage to stage."""

    def move(version, stage, **fields):
        label = f"reg: {version} to {stage} {fields or ''}".strip()
        return post(label, f"{MV}/transition-stage",
                    {"name": "v", "version": version, "stage": stage, **fields})  # fmt: skip

    archive = {"archive_existing_versions": True}
    return [
        move("1", "Production"),
        move("2", "PRODUCTION"),
        move("3", "staging", **archive),
        move("4", "production", **archive),
        get("reg: versions after archiving", f"{MV}/search?filter=name%3D'v'&order_by=version_number"),
        move("4", "Production", **archive),
        move("4", "Archived", **archive),
        move("4", "Deleted_Internal"),
        move("99", "Production"),
        move("4", ""),
        move("4", "Staging", archive_existing_versions="yes"),
        move("4", "Production", archiveExistingVersions=False),
        post("reg: latest of v", f"{RM}/get-latest-versions", {"name": "v"}),
        post("reg: latest of stages", f"{RM}/get-latest-versions",
             {"name": "v", "stages": ["production", "None"]}),
        post("reg: latest of bad stage", f"{RM}/get-latest-versions", {"name": "v", "stages": ["x"]}),
        post("reg: latest of stage text", f"{RM}/get-latest-versions", {"name": "v", "stages": "x"}),
        post("reg: latest of stage ints", f"{RM}/get-latest-versions", {"name": "v", "stages": [1]}),
        post("reg: latest of unknown", f"{RM}/get-latest-versions", {"name": "zz"}),
        get("reg: latest by query", f"{RM}/get-latest-versions?name=v&stages=Production&stages=Archived"),
        get("reg: model with stages", f"{RM}/get?name=v"),
    ]  # fmt: skip


def aliases():
    """Setting, moving, reading and deleting aliases."""

    def put(label, **fields):
        return post(f"reg: alias {label}", f"{RM}/alias", {"name": "v", **fields})

    return [
        put("champion on 1", alias="champion", version="1"),
        put("champion on 2", alias="champion", version="2"),
        put("b on 2", alias="b", version="2"),
        put("A on 2", alias="A", version="2"),
        put("Champion on 3", alias="Champion", version="3"),
        put("on a deleted version", alias="c", version="5"),
        put("on version abc", alias="c", version="abc"),
        put("on version int", alias="c", version=1),
        put("on unknown model", name="zz", alias="c", version="1"),
        put("without version", alias="c"),
        *[put(repr(a), alias=a, version="1") for a in ("V12", "v", "a.b", "ü-1_", "a" * 255, "a" * 256)],
        get("reg: alias champion", f"{RM}/alias?name=v&alias=champion"),
        get("reg: alias Champion", f"{RM}/alias?name=v&alias=Champion"),
        get("reg: alias LATEST", f"{RM}/alias?name=v&alias=LATEST"),
        get("reg: alias latest of no versions", f"{RM}/alias?name=whole&alias=latest"),
        get("reg: alias of unknown model", f"{RM}/alias?name=zz&alias=champion"),
        get("reg: alias with a dot", f"{RM}/alias?name=v&alias=a.b"),
        get("reg: version with aliases", f"{MV}/get?name=v&version=2"),
        get("reg: model with aliases", f"{RM}/get?name=v"),
        post("reg: latest with aliases", f"{RM}/get-latest-versions", {"name": "v"}),
        delete("reg: delete alias b", f"{RM}/alias", {"name": "v", "alias": "b"}),
        delete("reg: delete alias of unknown model", f"{RM}/alias", {"name": "zz", "alias": "b"}),
        delete("reg: delete alias with a dot", f"{RM}/alias", {"name": "v", "alias": "a.b"}),
        delete("reg: delete a version with aliases", f"{MV}/delete", {"name": "v", "version": "2"}),
        get("reg: alias of a deleted version", f"{RM}/alias?name=v&alias=champion"),
        get("reg: model after its alias went", f"{RM}/get?name=v"),
    ]  # fmt: skip


def tags():
    """Tags of models and versions."""

    def on_model(label, **fields):
        return post(f"reg: model tag {label}", f"{RM}/set-tag", {"name": "v", **fields})

    def on_version(label, **fields):
        return post(f"reg: version tag {label}", f"{MV}/set-tag",
                    {"name": "v", "version": "1", **fields})  # fmt: skip

    made = [
        [make("set", key="k", value="1"), make("again", key="k", value="2"),
         make("without value", key="e"), make("without key", value="1"),
         make("value int", key="k", value=5), make("key with star", key="a*b", value="1"),
         make("key up", key="../a", value="1"), make("key 251", key="k" * 251, value="1"),
         make("of unknown model", name="zz", key="k", value="1")]
        for make in (on_model, on_version)
    ]  # fmt: skip
    return [
        *made[0],
        *made[1],
        on_model("value 100001", key="k", value="v" * 100_001),
        on_version("prompt text 100001", key="mlflow.prompt.text", value="v" * 100_001),
        on_version("of unknown version", version="77", key="k", value="1"),
        get("reg: version with tags", f"{MV}/get?name=v&version=1"),
        get("reg: model with tags", f"{RM}/get?name=v"),
        delete("reg: delete model tag", f"{RM}/delete-tag", {"name": "v", "key": "e"}),
        delete("reg: delete model tag with star", f"{RM}/delete-tag", {"name": "v", "key": "a*b"}),
        delete("reg: delete tag of unknown model", f"{RM}/delete-tag", {"name": "zz", "key": "e"}),
        delete("reg: delete version tag", f"{MV}/delete-tag",
               {"name": "v", "version": "1", "key": "e"}),
        delete("reg: delete unknown version tag", f"{MV}/delete-tag",
               {"name": "v", "version": "1", "key": "zz"}),
        delete("reg: delete tag of unknown version", f"{MV}/delete-tag",
               {"name": "v", "version": "77", "key": "e"}),
        get("reg: version with fewer tags", f"{MV}/get?name=v&version=1"),
    ]  # fmt: skip


def prompts():
    """Prompts: registered models that searches of models do not show."""
    return [
        post("reg: prompt", f"{RM}/create", {"name": "p", "tags": pairs(PROMPT)}),
        post("reg: prompt again", f"{RM}/create", {"name": "p", "tags": pairs(PROMPT)}),
        post("reg: model named as a prompt", f"{RM}/create", {"name": "p"}),
        post("reg: prompt named as a model", f"{RM}/create", {"name": "v", "tags": pairs(PROMPT)}),
        post("reg: prompt version", f"{MV}/create",
             {"name": "p", "source": "dummy-source", "description": "first",
              "tags": pairs({**PROMPT, "mlflow.prompt.text": "Hello {{you}}"})}),
        post("reg: prompt version elsewhere", f"{MV}/create",
             {"name": "p", "source": "s3://b/x", "tags": pairs(PROMPT)}),
        post("reg: version of a prompt", f"{MV}/create", {"name": "v", "source": "models:/p/1"}),
        post("reg: version with a source of prompts", f"{MV}/create",
             {"name": "v", "source": "dummy-source"}),
        get("reg: get prompt", f"{RM}/get?name=p"),
        get("reg: models without prompts", f"{RM}/search?filter=name%20LIKE%20'%25'"),
        get("reg: prompts", f"{RM}/search?filter=tags.%60mlflow.prompt.is_prompt%60%20%3D%20'true'"),
        get("reg: no prompts", f"{RM}/search?filter=tags.%60mlflow.prompt.is_prompt%60%20%3D%20'false'"),
        get("reg: not not prompts",
            f"{RM}/search?filter=tags.%60mlflow.prompt.is_prompt%60%20!%3D%20'false'"),
        get("reg: versions without prompts", f"{MV}/search?filter=name%3D'p'"),
        get("reg: versions of prompts",
            f"{MV}/search?filter=name%3D'p'%20AND%20tags.%60mlflow.prompt.is_prompt%60%20%3D%20'true'"),
    ]  # fmt: skip


def searches():
    """Filters, orders and pages."""

    def models(filter_text, label=None):
        return get(f"reg: models {label or filter_text}", f"{RM}/search?filter={quoted(filter_text)}")

    def versions(filter_text):
        return get(f"reg: versions {filter_text}", f"{MV}/search?filter={quoted(filter_text)}")

    return [
        *[models(f) for f in (
            "name = 'v'", "name != 'v'", "name LIKE 's%'", "name ILIKE 'S%'", "tags.k = '2'",
            "tags.k != '2'", "tags.k LIKE '%'", "tags.a = '1' AND tags.b = '2'", "name > 'a'",
            "tag.a ILIKE '1'", "attribute.name = 'v'", "name IN ('v', 's')", "foo = 'x'",
            "name = v", "name = 'v' AND", "tags.a > '1'", "timestamp > 1", "run_id = 'x'",
        )],
        *[versions(f) for f in (
            "name = 'v'", "version_number > 2", "version_number = '3'", "version_number = 1.5",
            "version_number = 'x'", "run_id = 'rrr'", "run_id IN ('r', 'rrr')", "run_id LIKE 'r%'",
            "source_path LIKE 's3://b/%'", "source_path IN ('s3://b/1')", "name = 'v' AND tags.n = '3'",
            "tags.n != '3' AND name = 'v'", "tags.n = '1' AND tags.k = '2'", "current_stage = 'None'",
            "name NOT IN ('s', 'v')", "version_number IN (1, 2)", "version_number LIKE '1'",
        )],
        *[get(f"reg: models by {o}", f"{RM}/search?order_by={quoted(o)}") for o in (
            "name DESC", "timestamp", "last_updated_timestamp DESC", "creation_timestamp", "name foo",
            "name ASC DESC", "tags.a",
        )],
        get("reg: models twice by name", f"{RM}/search?order_by=name&order_by=name%20DESC"),
        *[get(f"reg: versions by {o}", f"{MV}/search?filter=name%3D'v'&order_by={quoted(o)}") for o in (
            "version_number ASC", "creation_timestamp DESC", "last_updated_timestamp", "name DESC",
            "run_id", "tags.n", "source_path",
        )],
        get("reg: versions twice by name", f"{MV}/search?order_by=name&order_by=name%20DESC"),
        get("reg: models page 1", f"{RM}/search?max_results=3", capture={"page": "next_page_token"}),
        get("reg: models page 2", f"{RM}/search?max_results=3&page_token={{page}}"),
        get("reg: versions page 1", f"{MV}/search?max_results=2&filter=name%3D'v'",
            capture={"vpage": "next_page_token"}),
        get("reg: versions page 2", f"{MV}/search?max_results=2&filter=name%3D'v'&page_token={{vpage}}"),
        *[get(f"reg: models of {n}", f"{RM}/search?max_results={n}") for n in (
            "1000", "1001", "-1", "abc", "1.5", "0",
        )],
        *[get(f"reg: versions of {n}", f"{MV}/search?max_results={n}") for n in (
            "200001", "0", "-1", "abc",
        )],
        get("reg: models bad token", f"{RM}/search?page_token=abc"),
        get("reg: versions bad token", f"{MV}/search?page_token=abc"),
        get("reg: all models", f"{RM}/search"),
    ]  # fmt: skip


def quoted(text):
    """Encodes a text for a query string."""
    return urllib.parse.quote(text, safe="")


def endings():
    """Renaming and deleting a model that has everything."""
    return [
        post("reg: rename with everything", f"{RM}/rename", {"name": "v", "new_name": "w"}),
        get("reg: renamed version", f"{MV}/get?name=w&version=1"),
        get("reg: renamed alias", f"{RM}/alias?name=w&alias=Champion"),
        get("reg: version under the old name", f"{MV}/get?name=v&version=1"),
        delete("reg: delete with everything", f"{RM}/delete", {"name": "w"}),
        get("reg: version of a deleted model", f"{MV}/get?name=w&version=1"),
        get("reg: versions of a deleted model", f"{MV}/search?filter=name%3D'w'"),
        post("reg: create again", f"{RM}/create", {"name": "w"}),
        post("reg: first version again", f"{MV}/create", {"name": "w", "source": "s3://b/1"}),
    ]  # fmt: skip
