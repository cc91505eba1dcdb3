"""The part of the scenario that plays with the model registry."""


def registry(rec, client, home, ids):
    """Models, versions, stages, aliases, tags, searches, deletions, in a fixed order."""
    name = f"{rec.mark} model"
    rec.call("register", client.create_registered_model, name, {"b": "2", "a": "1"}, "described")
    rec.call("register again", client.create_registered_model, name)
    for bad in ("a/b", "a:b", "..", " "):
        rec.call(f"register {bad!r}", client.create_registered_model, bad)
    rec.call("registered", client.get_registered_model, name)
    rec.call("unknown registered", client.get_registered_model, f"{rec.mark} nobody")
    inside = client.get_run(ids[0]).info.artifact_uri
    versions(rec, client, name, (inside, ids))
    stages(rec, client, name)
    aliases(rec, client, name)
    finds(rec, client, name)
    rec.call("copy", client.copy_model_version, f"models:/{name}/1", f"{name} copy")
    rec.call("copy of an alias", client.copy_model_version, f"models:/{name}@b", f"{name} copy")
    rec.call("rename registered", client.rename_registered_model, name, f"{name} 2")
    rec.call("rename to taken", client.rename_registered_model, f"{name} 2", f"{name} copy")
    rec.call("version of renamed", client.get_model_version, f"{name} 2", "1")
    rec.call("delete version", client.delete_model_version, f"{name} 2", "1")
    rec.call("delete version again", client.delete_model_version, f"{name} 2", "1")
    rec.call("after a deletion", client.get_registered_model, f"{name} 2")
    rec.call("delete registered", client.delete_registered_model, f"{name} 2")
    rec.call("deleted registered", client.get_registered_model, f"{name} 2")
    rec.call("delete copies", client.delete_registered_model, f"{name} copy")


def versions(rec, client, name, origin):
    """Creating and describing versions, with good and bad sources."""
    inside, ids = origin
    made = {"in the run": (f"{inside}/model", ids[0]), "in a bucket": ("s3://b/x", None),
            "by run uri": (f"runs:/{ids[0]}/model", ids[0]),
            "of another run": (f"{inside}/model", ids[1]), "local": ("/etc/passwd", None),
            "leading up": (f"{inside}/../x", ids[0]), "by a version": (f"models:/{name}/1", None),
            "of an unknown model": ("models:/nobody/1", None), "on a host": ("http://h/x", None)}
    for label, (source, run_id) in made.items():
        rec.call(f"version {label}", client.create_model_version, name, source, run_id,
                 {"label": label}, "http://link", f"is {label}")
    rec.call("version", client.get_model_version, name, "1")
    rec.call("unknown version", client.get_model_version, name, "99")
    rec.call("version abc", client.get_model_version, name, "abc")
    rec.call("describe version", client.update_model_version, name, "1", "other")
    rec.call("download uri", client.get_model_version_download_uri, name, "4")
    rec.call("version tag", client.set_model_version_tag, name, "1", "k", "v")
    rec.call("version tag deleted", client.delete_model_version_tag, name, "1", "label")
    rec.call("version with tags", client.get_model_version, name, "1")
    rec.call("model tag", client.set_registered_model_tag, name, "k", "v")
    rec.call("model tag deleted", client.delete_registered_model_tag, name, "a")
    rec.call("model tag too long", client.set_registered_model_tag, name, "k", "v" * 100_001)
    rec.call("model described", client.update_registered_model, name, "anew")


def stages(rec, client, name):
    """Moving versions through stages."""
    rec.call("to production", client.transition_model_version_stage, name, "1", "production")
    rec.call("to staging", client.transition_model_version_stage, name, "2", "Staging")
    rec.call("replacing", client.transition_model_version_stage, name, "3", "Production", True)
    rec.call("to no stage", client.transition_model_version_stage, name, "1", "elsewhere")
    rec.call("latest versions", client.get_latest_versions, name)
    rec.call("latest of two", client.get_latest_versions, name, ["Production", "Archived"])
    rec.call("with stages", client.get_registered_model, name)


def aliases(rec, client, name):
    """Setting, moving and deleting aliases."""
    for alias, version in (("b", "1"), ("a", "1"), ("b", "2"), ("latest", "1"), ("v1", "1"),
                           ("a b", "1"), ("c", "99")):
        rec.call(f"alias {alias} on {version}", client.set_registered_model_alias, name, alias,
                 version)
    for alias in ("a", "b", "nobody", "latest"):
        rec.call(f"by alias {alias}", client.get_model_version_by_alias, name, alias)
    rec.call("with aliases", client.get_registered_model, name)
    rec.call("delete alias", client.delete_registered_model_alias, name, "a")
    rec.call("delete alias again", client.delete_registered_model_alias, name, "a")


def finds(rec, client, name):
    """Searches that only this scenario's models can match."""
    mine = f"name = '{name}'"
    for text in (mine, f"{mine} AND tags.k = 'v'", f"{mine} AND tags.k != 'v'", "name >", "x = 'y'",
                 f"name ILIKE '{name.upper()}'"):
        label = text.lower().replace(rec.mark, "")
        rec.call(f"registered {label}", client.search_registered_models, text)
    for text in (mine, f"{mine} AND version_number >= 2", f"{mine} AND run_id = 'x'",
                 f"{mine} AND tags.label = 'by run uri'", "source_path > 'x'",
                 f"{mine} AND source_path LIKE 's3:%'"):
        rec.call(f"versions {text.replace(rec.mark, '')}", client.search_model_versions, text,
                 order_by=["version_number"])
    for order in (["version_number DESC"], ["name", "version_number"], ["sideways"]):
        rec.call(f"versions by {order}", lambda o=order: [
            v.version for v in client.search_model_versions(mine, order_by=o)
        ])
    page = client.search_model_versions(mine, max_results=2, order_by=["version_number"])
    rest = client.search_model_versions(mine, max_results=9, order_by=["version_number"],
                                        page_token=page.token)
    rec.note("version pages", [[v.version for v in page], [v.version for v in rest]])
    rec.call("too many models", client.search_registered_models, max_results=1001)
    rec.call("no versions", client.search_model_versions, mine, max_results=0)
    rec.call("none of that name", client.search_registered_models,
             f"name = '{rec.mark} nobody'")
