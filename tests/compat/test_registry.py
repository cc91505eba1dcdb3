"""The model registry through `MlflowClient` and the fluent API."""

import time

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from support import unique

pytestmark = [pytest.mark.mlflow2, pytest.mark.replicas]

REQUIREMENTS = ["scikit-learn"]


@pytest.fixture(scope="module")
def trained():
    """A fitted classifier and the frame it was fitted on."""
    features, target = load_iris(return_X_y=True, as_frame=True)
    return LogisticRegression(max_iter=500).fit(features, target), features


@pytest.fixture
def name(client):
    """The name of a new registered model."""
    return client.create_registered_model(unique("model"), {"team": "a"}, "what it is").name


@pytest.fixture
def three(client, name):
    """The name of a new registered model with three versions."""
    for number in range(1, 4):
        client.create_model_version(name, f"s3://bucket/{number}", tags={"n": str(number)})
    return name


@pytest.fixture
def logged(experiment, trained):
    """The URI of a model logged in a run."""
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(trained[0], artifact_path="model", pip_requirements=REQUIREMENTS)
    return f"runs:/{run.info.run_id}/model"


def refused(call, *args, **kwargs):
    """The error code of a call that must be refused."""
    with pytest.raises(MlflowException) as caught:
        call(*args, **kwargs)
    return caught.value.error_code


def test_a_registered_model_is_made_read_and_changed(client, name):
    made = client.get_registered_model(name)
    assert (made.name, made.description, made.tags) == (name, "what it is", {"team": "a"})
    assert made.creation_timestamp == made.last_updated_timestamp
    assert (made.latest_versions, made.aliases) == ([], {})
    time.sleep(0.002)
    changed = client.update_registered_model(name, "better")
    assert changed.description == "better"
    assert changed.last_updated_timestamp > made.last_updated_timestamp
    assert client.update_registered_model(name, "").description in ("", None)
    assert refused(client.create_registered_model, name) == "RESOURCE_ALREADY_EXISTS"
    assert refused(client.create_registered_model, "a/b") == "INVALID_PARAMETER_VALUE"
    assert refused(client.get_registered_model, unique("no")) == "RESOURCE_DOES_NOT_EXIST"


def test_a_registered_model_is_renamed_with_all_it_has(client, three):
    client.set_registered_model_alias(three, "champion", "2")
    new = unique("renamed")
    client.rename_registered_model(three, new)
    assert client.get_registered_model(new).tags == {"team": "a"}
    assert client.get_model_version_by_alias(new, "champion").version in (2, "2")
    assert client.get_model_version(new, "1").tags == {"n": "1"}
    assert refused(client.get_registered_model, three) == "RESOURCE_DOES_NOT_EXIST"
    client.create_registered_model(three)
    assert refused(client.rename_registered_model, new, three) == "RESOURCE_ALREADY_EXISTS"


def test_a_registered_model_is_deleted_and_its_name_is_free(client, three):
    client.delete_registered_model(three)
    assert refused(client.get_model_version, three, "1") == "RESOURCE_DOES_NOT_EXIST"
    assert refused(client.delete_registered_model, three) == "RESOURCE_DOES_NOT_EXIST"
    client.create_registered_model(three)
    assert client.create_model_version(three, "s3://bucket/x").version in (1, "1")


def test_tags_of_models_and_versions(client, three):
    client.set_registered_model_tag(three, "k", "1")
    client.set_registered_model_tag(three, "k", "2")
    client.delete_registered_model_tag(three, "team")
    client.delete_registered_model_tag(three, "team")
    assert client.get_registered_model(three).tags == {"k": "2"}
    client.set_model_version_tag(three, "1", "k", "ü")
    client.set_model_version_tag(three, "1", "n", 5)
    client.delete_model_version_tag(three, "1", "nothing")
    assert client.get_model_version(three, "1").tags == {"k": "ü", "n": "5"}
    client.delete_model_version_tag(three, "1", "k")
    assert client.get_model_version(three, "1").tags == {"n": "5"}
    client.transition_model_version_stage(three, "2", "Staging")
    client.set_model_version_tag(three, key="by", value="stage", stage="Staging")
    assert client.get_model_version(three, "2").tags["by"] == "stage"
    client.delete_model_version_tag(three, key="by", stage="Staging")
    assert "by" not in client.get_model_version(three, "2").tags
    assert refused(client.set_model_version_tag, three, "9", "k", "v") == "RESOURCE_DOES_NOT_EXIST"
    assert refused(client.set_registered_model_tag, three, "a*b", "v") == "INVALID_PARAMETER_VALUE"


def test_a_version_is_made_described_and_deleted(client, name):
    made = client.create_model_version(name, "s3://bucket/x", description="d", run_link="http://r")
    assert (str(made.version), made.status, made.current_stage) == ("1", "READY", "None")
    assert (made.source, made.description, made.run_link) == ("s3://bucket/x", "d", "http://r")
    assert client.update_model_version(name, "1", "other").description == "other"
    assert client.get_model_version_download_uri(name, "1") == "s3://bucket/x"
    client.create_model_version(name, "s3://bucket/y")
    client.delete_model_version(name, "2")
    assert refused(client.get_model_version, name, "2") == "RESOURCE_DOES_NOT_EXIST"
    assert refused(client.delete_model_version, name, "2") == "RESOURCE_DOES_NOT_EXIST"
    assert str(client.create_model_version(name, "s3://bucket/z").version) == "3"
    assert refused(client.create_model_version, unique("no"), "s3://b") != "INTERNAL_ERROR"


def test_stages_and_the_latest_version_of_each(client, three):
    def stages():
        found = client.search_model_versions(f"name = '{three}'")
        return [v.current_stage for v in sorted(found, key=lambda v: int(v.version))]

    client.transition_model_version_stage(three, "1", "production")
    client.transition_model_version_stage(three, "2", "Production")
    assert stages() == ["Production", "Production", "None"]
    moved = client.transition_model_version_stage(three, "3", "Production", True)
    assert moved.current_stage == "Production"
    assert stages() == ["Archived", "Archived", "Production"]
    latest = {v.current_stage: str(v.version) for v in client.get_latest_versions(three)}
    assert latest == {"Archived": "2", "Production": "3"}
    only = client.get_latest_versions(three, ["Archived"])
    assert [str(v.version) for v in only] == ["2"]
    assert refused(client.transition_model_version_stage, three, "1", "no") == (
        "INVALID_PARAMETER_VALUE"
    )
    assert client.get_model_version_stages(three, "1") == [
        "None", "Staging", "Production", "Archived",
    ]


@pytest.mark.trackway_only("archives what an alias points at")
def test_archiving_spares_a_version_that_an_alias_points_at(client, three, rest):
    for version in ("1", "2"):
        client.transition_model_version_stage(three, version, "Production")
    client.set_registered_model_alias(three, "champion", "2")
    moved = client.transition_model_version_stage(three, "3", "Production", True)
    assert moved.current_stage == "Production"
    stages = [client.get_model_version(three, v).current_stage for v in ("1", "2", "3")]
    assert stages == ["Archived", "Production", "Production"]
    body = {"name": three, "version": "3", "stage": "Production",
            "archive_existing_versions": True}
    answer = rest.session.post(rest.at("model-versions/transition-stage"), json=body)
    assert answer.headers["x-trackway-not-archived"].endswith("/2 (champion)")
    assert set(answer.json()) == {"model_version"}


def test_aliases_are_set_moved_read_and_deleted(client, three):
    client.set_registered_model_alias(three, "champion", "1")
    client.set_registered_model_alias(three, "champion", "2")
    client.set_registered_model_alias(three, "candidate", "2")
    assert str(client.get_model_version_by_alias(three, "champion").version) == "2"
    assert sorted(client.get_model_version(three, "2").aliases) == ["candidate", "champion"]
    aliases = {k: str(v) for k, v in client.get_registered_model(three).aliases.items()}
    assert aliases == {"champion": "2", "candidate": "2"}
    client.delete_registered_model_alias(three, "candidate")
    client.delete_registered_model_alias(three, "candidate")
    assert refused(client.get_model_version_by_alias, three, "candidate") == (
        "INVALID_PARAMETER_VALUE"
    )
    client.delete_model_version(three, "2")
    assert client.get_registered_model(three).aliases == {}
    for bad in ("latest", "v1", "a b"):
        assert refused(client.set_registered_model_alias, three, bad, "1") == (
            "INVALID_PARAMETER_VALUE"
        )


def test_models_and_versions_are_searched_ordered_and_paged(client, three):
    prefix = unique("page")
    for n in range(5):
        client.create_registered_model(f"{prefix}-{n}", {"n": str(n % 2)})
    text = f"name LIKE '{prefix}%'"
    names = [m.name[-1] for m in client.search_registered_models(text)]
    assert names == ["0", "1", "2", "3", "4"]
    names = [m.name[-1] for m in client.search_registered_models(
        f"{text} AND tags.n = '1'", order_by=["name DESC"])]
    assert names == ["3", "1"]
    read, token = [], None
    while not read or token:
        page = client.search_registered_models(text, max_results=2, page_token=token)
        read += [m.name[-1] for m in page]
        token = page.token
    assert read == ["0", "1", "2", "3", "4"]
    versions = client.search_model_versions(
        f"name = '{three}' AND version_number > 1", order_by=["version_number ASC"])
    assert [str(v.version) for v in versions] == ["2", "3"]
    versions = client.search_model_versions(f"name = '{three}' AND tags.n = '1'")
    assert [str(v.version) for v in versions] == ["1"]
    assert [m.name for m in mlflow.search_registered_models(filter_string=f"name = '{three}'")] == [
        three
    ]
    found = mlflow.search_model_versions(filter_string=f"name = '{three}'", max_results=2)
    assert len(found) == 2
    assert refused(client.search_model_versions, "foo = 'x'") == "INVALID_PARAMETER_VALUE"
    assert refused(client.search_registered_models, max_results=1001) == "INVALID_PARAMETER_VALUE"


def test_a_version_is_copied_with_where_it_came_from(client, logged):
    source = mlflow.register_model(logged, unique("source"))
    target = unique("target")
    copy = client.copy_model_version(f"models:/{source.name}/{source.version}", target)
    assert (copy.name, str(copy.version)) == (target, "1")
    assert copy.run_id == source.run_id
    assert copy.source == f"models:/{source.name}/{source.version}"
    uris = [client.get_model_version_download_uri(v.name, v.version) for v in (source, copy)]
    assert uris[0] == uris[1]


def test_a_registered_model_is_loaded_by_every_kind_of_uri(client, logged, trained):
    model, features = trained
    name = unique("loaded")
    first = mlflow.register_model(logged, name, tags={"k": "v"})
    assert (str(first.version), first.run_id) == ("1", logged.split("/")[1])
    assert str(mlflow.register_model(logged, name).version) == "2"
    client.set_registered_model_alias(name, "champion", "1")
    client.transition_model_version_stage(name, "2", "Production")
    expected = model.predict(features)
    for uri in ("1", "Production", "latest"):
        loaded = mlflow.pyfunc.load_model(f"models:/{name}/{uri}")
        assert np.array_equal(loaded.predict(features), expected), uri
    loaded = mlflow.sklearn.load_model(f"models:/{name}@champion")
    assert np.array_equal(loaded.predict(features), expected)
    assert mlflow.models.get_model_info(f"models:/{name}/1").run_id == first.run_id
    for uri in (f"models:/{name}/9", f"models:/{name}@nobody", f"models:/{name}/Staging"):
        with pytest.raises(MlflowException):
            mlflow.pyfunc.load_model(uri)


def test_a_model_is_registered_while_it_is_logged(client, experiment, trained):
    model, features = trained
    name = unique("at once")
    for number in ("1", "2"):
        with mlflow.start_run() as run:
            mlflow.sklearn.log_model(
                model, artifact_path="model", pip_requirements=REQUIREMENTS,
                registered_model_name=name,
            )
        version = client.get_model_version(name, number)
        assert version.run_id == run.info.run_id
    loaded = mlflow.sklearn.load_model(f"models:/{name}/2")
    assert np.array_equal(loaded.predict(features), model.predict(features))


@pytest.mark.needs_mlflow3("logged models are new")
def test_a_logged_model_is_registered_and_knows_its_versions(client, experiment, trained):
    model, features = trained
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="m", pip_requirements=REQUIREMENTS)
    name = unique("by id")
    version = mlflow.register_model(f"models:/{info.model_id}", name)
    assert version.run_id == run.info.run_id
    loaded = mlflow.sklearn.load_model(f"models:/{name}/1")
    assert np.array_equal(loaded.predict(features), model.predict(features))
    loaded = mlflow.sklearn.load_model(f"models:/{info.model_id}")
    assert np.array_equal(loaded.predict(features), model.predict(features))
    tag = mlflow.get_logged_model(info.model_id).tags["mlflow.modelVersions"]
    assert name in tag


def test_files_outside_of_the_run_are_not_registered(client, name, experiment, run_id):
    other = client.create_run(experiment).info.run_id
    inside = client.get_run(run_id).info.artifact_uri
    version = client.create_model_version(name, f"{inside}/model", run_id)
    assert version.source == f"{inside}/model"
    for source in (f"{inside}/../../x", "/etc/passwd", "file:///etc"):
        assert refused(client.create_model_version, name, source, run_id) == (
            "INVALID_PARAMETER_VALUE"
        )
    if not mlflow.__version__.startswith("2."):
        assert refused(client.create_model_version, name, inside, other) == (
            "INVALID_PARAMETER_VALUE"
        )


@pytest.mark.needs_mlflow3("prompts of 2.16 do not exist")
def test_prompts_live_beside_models_and_are_hidden_from_their_searches(client):
    name = unique("prompt").replace(" ", "-")
    first = mlflow.genai.register_prompt(name, "Hello {{you}}", commit_message="first")
    assert first.version == 1
    second = mlflow.genai.register_prompt(name, "Good day {{you}}")
    assert second.version == 2
    mlflow.genai.set_prompt_alias(name, "best", 1)
    assert mlflow.genai.load_prompt(f"prompts:/{name}@best").template == "Hello {{you}}"
    assert mlflow.genai.load_prompt(f"prompts:/{name}/2").format(you="X") == "Good day X"
    assert client.search_registered_models(f"name = '{name}'") == []
    assert client.search_model_versions(f"name = '{name}'") == []
    found = mlflow.genai.search_prompts(f"name = '{name}'")
    assert [prompt.name for prompt in found] == [name]


@pytest.mark.trackway_only("keeps no history")
def test_the_history_says_what_was_production_and_why(client, three, rest):
    client.transition_model_version_stage(three, "1", "Production")
    time.sleep(0.005)
    between = int(time.time() * 1000)
    time.sleep(0.005)
    body = {"name": three, "version": "2", "stage": "Production",
            "archive_existing_versions": True}
    answer = rest.session.post(
        rest.at("model-versions/transition-stage"), json=body,
        headers={"X-Trackway-Reason": "better%20auc"},
    )
    assert answer.status_code == 200
    then = rest.get(f"/api/1.0/models/{three}/stages/Production", at=between).json()
    assert [v["version"] for v in then["versions"]] == ["1"]
    now = rest.get(f"/api/1.0/models/{three}/stages/Production").json()
    assert [(v["version"], v["reason"]) for v in now["versions"]] == [("2", "better auc")]
    history = rest.get(f"/api/1.0/models/{three}/history", kind="stage_changed").json()
    assert [(e["version"], e["from"], e["to"]) for e in history["entries"]] == [
        ("2", "None", "Production"), ("1", "Production", "Archived"), ("1", "None", "Production"),
    ]


@pytest.mark.time_limit(300)
def test_a_hundred_clients_move_one_alias_and_one_wins_each_generation(
    server, client, three, rest
):
    from concurrent.futures import ThreadPoolExecutor

    clients = 100

    def move(n):
        own = MlflowClient(server.url)
        own.set_registered_model_alias(three, "champion", str(n % 3 + 1))

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(move, range(clients)))
    held = str(client.get_model_version_by_alias(three, "champion").version)
    if server.kind != "trackway":
        return
    path = f"/api/1.0/models/{three}/history"
    moves = rest.get(path, kind="alias_set", max_results=1000).json()["entries"][::-1]
    # Who comes second with the same version moves nothing.
    assert 1 <= len(moves) <= clients
    assert [move["generation"] for move in moves] == list(range(1, len(moves) + 1))
    assert [move["from"] for move in moves] == [None, *(move["to"] for move in moves[:-1])]
    assert all(move["from"] != move["to"] for move in moves)
    assert moves[-1]["to"] == held
