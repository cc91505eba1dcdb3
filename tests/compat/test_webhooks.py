"""Webhooks through `MlflowClient`."""

import pytest
from mlflow.exceptions import MlflowException
from support import Rest, unique

URL = "https://1.1.1.1/hook"


@pytest.fixture
def webhook(client):
    """A new webhook; deleted after the test."""
    made = client.create_webhook(
        name=unique("hook"), url=URL, description="what for", secret="nobody knows",
        events=["model_version_alias.created", "model_version.created", "prompt.created"],
    )
    yield made
    client.delete_webhook(made.webhook_id)


def test_a_webhook_is_created_found_and_listed(client, webhook):
    assert (webhook.url, webhook.description, str(webhook.status)) == (URL, "what for", "ACTIVE")
    events = {"model_version_alias.created", "model_version.created", "prompt.created"}
    assert {str(event) for event in webhook.events} == events
    assert webhook.secret is None
    assert webhook.creation_timestamp == webhook.last_updated_timestamp
    found = client.get_webhook(webhook.webhook_id)
    assert vars(found) == vars(webhook)
    listed = client.list_webhooks(max_results=1)
    assert [one.webhook_id for one in listed] == [webhook.webhook_id]


def test_a_webhook_is_updated(client, webhook):
    changed = client.update_webhook(
        webhook.webhook_id, description="", status="DISABLED", events=["registered_model.created"]
    )
    assert changed.description is None
    assert str(changed.status) == "DISABLED"
    assert [str(event) for event in changed.events] == ["registered_model.created"]
    assert changed.name == webhook.name
    assert changed.last_updated_timestamp > webhook.last_updated_timestamp


def test_a_deleted_webhook_is_not_there(client):
    made = client.create_webhook(unique("hook"), URL, ["model_version.created"])
    client.delete_webhook(made.webhook_id)
    with pytest.raises(MlflowException, match=f"Webhook with ID {made.webhook_id} not found"):
        client.get_webhook(made.webhook_id)
    assert made.webhook_id not in {one.webhook_id for one in client.list_webhooks()}


@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("-x", URL, "Webhook name '-x' is invalid"),
        ("x" * 64, URL, "be less than 63 characters long"),
        ("x", "http://1.1.1.1/", "Invalid webhook URL scheme: 'http'"),
        ("x", "https://127.0.0.1/", "must not resolve to a non-public IP address"),
        ("x", "https://[::1]/", "must not resolve to a non-public IP address"),
        ("x", "https://169.254.169.254/", "must not resolve to a non-public IP address"),
        ("x", "https:///x", "Webhook URL must include a hostname"),
    ],
)
def test_bad_names_and_urls_are_refused(client, name, url, said):
    with pytest.raises(MlflowException) as refused:
        client.create_webhook(name, url, ["model_version.created"])
    assert said in str(refused.value)


@pytest.mark.trackway_only("MLflow has no such events")
def test_our_events_do_not_stand_in_the_clients_way(client, server):
    rest = Rest(server.url)
    ids = []
    for events in (["STAGE_TRANSITIONED"], ["STAGE_TRANSITIONED", "CREATED"]):
        body = {"name": "own", "url": URL, "format": "slack",
                "events": [{"entity": "MODEL_VERSION", "action": action} for action in events]}
        answer = rest.send("webhooks", body)
        assert answer.status_code == 200, answer.text
        ids.append(answer.json()["webhook"]["webhook_id"])
    listed = {one.webhook_id: one for one in client.list_webhooks()}
    assert ids[0] not in listed
    assert [str(event) for event in listed[ids[1]].events] == ["model_version.created"]
    own = {one["webhook_id"] for one in rest.get("/api/1.0/webhooks").json()["webhooks"]}
    assert own >= set(ids)
    for made in ids:
        client.delete_webhook(made)
