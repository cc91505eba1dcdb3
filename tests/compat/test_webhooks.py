"""Webhooks through the client, and what arrives at a receiver, beside MLflow's own server."""

import base64
import hmac
import time
import uuid

import compat_server
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from receiver import receiving
from record import differences
from scenario_webhooks import EVENTS, play
from support import unique

# Steps of the scenario of which MLflow tells although they change nothing.
SILENT = ("version tag again", "unknown version tag gone", "alias set again", "unknown alias gone")
# Labels of the scenario where the two servers differ on purpose, each with its reason. An entry
# that no longer differs fails the test too, so that the table stays true.
DOCUMENTED = {
    "create with event of a wrong pair": "the text names our events too",
    "create with event without action": "a mistake of the user is no fault of the server",
    "create with text as event": "a mistake of the user is no fault of the server",
    "create with bad status": "an unknown status is refused; MLflow takes it for ACTIVE",
    "list by a bad token": "page tokens are of another kind",
    "test redirected": "a redirect that turns the POST into a GET delivers nothing",
    **{f"{step}: delivered": "nothing has changed, so nothing is told" for step in SILENT},
}


@pytest.fixture
def receiver():
    """A receiver on this machine."""
    with receiving() as one:
        yield one


@pytest.mark.time_limit(300)
def test_answers_and_deliveries_equal_those_of_mlflows_own_server(server, reference, receiver):
    expected = play(reference.url, receiver)
    labels = [label for label, _ in expected]
    assert len(labels) == len(set(labels)), "a label names two entries"
    silent = SILENT if server.kind == compat_server.TRACKWAY else ()
    found = differences(expected, play(server.url, receiver, silent), ("mlflow", server.kind))
    surprising = [line for k, lines in found.items() if k not in DOCUMENTED for line in lines]
    assert not surprising, "\n".join(["", *surprising])
    stale = [label for label in DOCUMENTED if label not in found]
    assert server.kind == compat_server.MLFLOW or not stale, f"no longer different: {stale}"


@pytest.fixture
def webhook(client, receiver):
    """Makes webhooks that lead to a path of the receiver; they are deleted after the test."""
    made = []

    def make(path, *events, **fields):
        one = client.create_webhook("one", f"{receiver.url}/{path}", list(events), **fields)
        made.append(one.webhook_id)
        return one

    yield make
    for webhook_id in made:
        client.delete_webhook(webhook_id)


@pytest.fixture
def version(client):
    """Name of a new model with one version."""
    name = unique("hooked")
    client.create_registered_model(name)
    client.create_model_version(name, "s3://bucket/model")
    return name


def test_a_secret_signs_and_is_never_shown(client, rest, receiver, webhook, version):
    one = webhook("signed", "model_version_tag.set", secret="s3cret-ü")
    client.set_model_version_tag(version, "1", "k", "v")
    (delivery,) = receiver.take(1)
    assert delivery.signature("s3cret-ü") == "valid"
    assert delivery.signature("other") == "invalid"
    assert abs(int(delivery.header("X-MLflow-Timestamp")) - time.time()) < 30
    assert uuid.UUID(delivery.header("X-MLflow-Delivery-Id")).version == 4
    path = f"webhooks/{one.webhook_id}"
    for answer in (rest.get(path), rest.get("webhooks"), rest.send(path, {}, "PATCH")):
        assert answer.status_code == 200 and "s3cret" not in answer.text


@pytest.mark.trackway_only("has one kind of signature")
def test_standard_webhooks_headers_sign_the_same_text(client, receiver, webhook, version):
    key = b"twenty-four secret bytes"
    secret = f"whsec_{base64.b64encode(key).decode()}"
    webhook("standard", "model_version_tag.set", secret=secret)
    client.set_model_version_tag(version, "1", "k", "v")
    (delivery,) = receiver.take(1)
    assert delivery.signature(secret) == "valid"
    one, at = delivery.header("webhook-id"), delivery.header("webhook-timestamp")
    assert one == delivery.header("X-MLflow-Delivery-Id")
    assert at == delivery.header("X-MLflow-Timestamp")
    tag = hmac.digest(key, f"{one}.{at}.".encode() + delivery.body, "sha256")
    assert delivery.header("webhook-signature") == f"v1,{base64.b64encode(tag).decode()}"


def test_a_new_secret_and_url_hold_for_the_next_event(client, receiver, webhook, version):
    one = webhook("before", "model_version_tag.set", secret="before")
    client.update_webhook(one.webhook_id, url=f"{receiver.url}/after", secret="after")
    client.set_model_version_tag(version, "1", "k", "v")
    (delivery,) = receiver.take(1)
    assert (delivery.path, delivery.signature("after")) == ("/after", "valid")


def test_a_disabled_or_deleted_webhook_is_sent_nothing(client, receiver, webhook, version):
    disabled = webhook("disabled", "model_version_tag.set")
    client.update_webhook(disabled.webhook_id, status="DISABLED")
    gone = client.create_webhook("gone", f"{receiver.url}/gone", ["model_version_tag.set"])
    client.delete_webhook(gone.webhook_id)
    webhook("listening", "model_version_tag.set")
    client.set_model_version_tag(version, "1", "k", "v")
    assert [d.path for d in receiver.take(1) + receiver.take_rest()] == ["/listening"]


def test_a_busy_receiver_is_asked_again_under_the_same_id(client, receiver, webhook, version):
    webhook("busy", "model_version_tag.set")
    client.set_model_version_tag(version, "1", "k", "v")
    first, second = receiver.take(2)
    assert first.body == second.body
    assert first.header("X-MLflow-Delivery-Id") == second.header("X-MLflow-Delivery-Id")


@pytest.mark.trackway_only("delivers from a pool of threads, in any order")
def test_events_of_one_model_come_in_their_order(client, receiver, webhook, version):
    webhook("ordered", "model_version_tag.set")
    for number in range(30):
        client.set_model_version_tag(version, "1", "k", str(number))
    values = [delivery.json()["data"]["value"] for delivery in receiver.take(30)]
    assert values == [str(number) for number in range(30)]


@pytest.mark.trackway_only("follows a redirect with a GET and calls it a success")
def test_a_redirect_that_loses_the_post_is_a_failure_that_names_it(client, receiver, webhook):
    one = webhook("redirect", "model_version.created")
    result = client.test_webhook(one.webhook_id)
    assert (result.success, result.response_status) == (False, 302)
    assert "/elsewhere" in result.error_message
    assert [delivery.path for delivery in receiver.take_rest(0.2)] == ["/redirect"]


@pytest.mark.trackway_only("tries again for seven seconds first")
def test_trying_out_a_receiver_that_is_not_there_says_so_at_once(client, webhook, receiver):
    one = webhook("x", "model_version.created")
    client.update_webhook(one.webhook_id, url=f"http://127.0.0.1:{compat_server.free_port()}/")
    result = client.test_webhook(one.webhook_id)
    assert not result.success and result.response_status is None
    assert "127.0.0.1" in result.error_message


@pytest.mark.trackway_only("has no events of its own")
def test_events_that_mlflow_lacks_do_not_trouble_its_client(
    client, rest, receiver, webhook, version
):
    events = [{"entity": "MODEL_VERSION", "action": "STAGE_TRANSITIONED"},
              {"entity": "MODEL_VERSION_ALIAS", "action": "MOVED"}]
    one = webhook("both", "model_version_tag.set")
    known = {"entity": "MODEL_VERSION_TAG", "action": "SET"}
    rest.send(f"webhooks/{one.webhook_id}", {"events": [known, *events]}, "PATCH")
    answer = rest.send("webhooks", {"name": "own", "url": f"{receiver.url}/own", "events": events})
    own = answer.json()["webhook"]["webhook_id"]
    listed = {found["webhook_id"] for found in rest.get("/api/1.0/webhooks").json()["webhooks"]}
    assert listed >= {own, one.webhook_id}
    assert own not in {found.webhook_id for found in client.list_webhooks()}
    for found in (client.get_webhook(one.webhook_id),
                  next(w for w in client.list_webhooks() if w.webhook_id == one.webhook_id)):
        assert [str(event) for event in found.events] == ["model_version_tag.set"]
    client.set_registered_model_alias(version, "champion", "1")
    client.transition_model_version_stage(version, "1", "Staging")
    bodies = [delivery.json() for delivery in receiver.take(4)]
    moved, staged = ([b for b in bodies if b["action"] == action]
                     for action in ("moved", "stage_transitioned"))
    assert [(b["data"]["alias"], b["data"]["from"], b["data"]["to"]) for b in moved] == [
        ("champion", None, "1")] * 2
    assert [(b["data"]["version"], b["data"]["from"], b["data"]["to"]) for b in staged] == [
        ("1", "None", "Staging")] * 2
    client.delete_webhook(own)


def test_proxies_of_the_environment_are_not_used(start_server, receiver):
    nowhere = f"http://127.0.0.1:{compat_server.free_port()}"
    names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")
    client = MlflowClient(start_server(settings=dict.fromkeys(names, nowhere)).url)
    one = client.create_webhook("one", f"{receiver.url}/one", EVENTS[:1])
    assert client.test_webhook(one.webhook_id).success
    assert len(receiver.take(1)) == 1


def test_only_https_to_public_addresses_is_accepted_by_default(start_server):
    settings = dict.fromkeys(compat_server.RECEIVERS)
    client = MlflowClient(start_server(settings=settings).url)
    for url in ("http://example.com/x", "https://127.0.0.1/x", "https://localhost:8443/x",
                "https://169.254.169.254/latest", "https://[::1]/x", "https://10.0.0.1/x",
                "https://[::ffff:10.0.0.1]/x", "https://2130706433/x", "https://0x7f.1/x"):
        with pytest.raises(MlflowException, match="Webhook URL|webhook URL") as refusal:
            client.create_webhook("one", url, EVENTS[:1])
        assert refusal.value.error_code == "INVALID_PARAMETER_VALUE", url
    assert list(client.list_webhooks()) == []
