"""A script of calls around webhooks: what the server answers, and what it delivers for each."""

import re

from mlflow import MlflowClient
from mlflow.entities.webhook import VALID_ENTITY_ACTIONS
from record import Recorder
from support import unique

SECRET = "the secret"
EVENTS = [f"{entity}.{action.value}" for entity, actions in VALID_ENTITY_ACTIONS.items()
          for action in sorted(actions)]
WEBHOOK_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Scenario:
    """Calls one server, whose webhooks all lead to one receiver.

    `silent` names the steps after which nothing is waited for long.
    """

    def __init__(self, url, receiver, silent):
        mark = unique("hook")
        self.receiver = receiver
        self.silent = silent
        self.base = f"{receiver.url}/{mark}"
        self.client = MlflowClient(url, url)
        self.rec = Recorder(url, mark)
        self.mark = mark
        self.ids = {}

    def hide(self, value):
        """Replaces what differs by nature: ids of webhooks, and the receiver's port."""
        if isinstance(value, dict):
            return {k: self.hide(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.hide(item) for item in value]
        if not isinstance(value, str):
            return value
        value = WEBHOOK_ID.sub(self.numbered, value)
        return value.replace(self.receiver.url, "<receiver>")

    def numbered(self, match):
        """The stable name of a webhook's id."""
        return self.ids.setdefault(match.group(0), f"<webhook {len(self.ids) + 1}>")

    def call(self, label, function, *args, **kwargs):
        """Records what a call gives; a webhook is recorded field by field."""
        given = []

        def shown():
            given.append(function(*args, **kwargs))
            return fields(given[0])

        self.rec.call(label, shown)
        label, result = self.rec.entries.pop()
        self.rec.entries.append((label, self.hide(result)))
        return given[0] if given else None

    def ask(self, label, method, path, body=None, /, **params):
        """Records one raw request; gives the body of the answer. Lists hold our webhooks alone."""
        content = self.rec.ask(label, method, path, body, **params)
        label, shown = self.rec.entries.pop()
        body = shown["body"]
        if "webhooks" in body:
            body["webhooks"] = [w for w in body["webhooks"] if "<mark>" in w["url"]]
        self.rec.entries.append((label, self.hide(shown)))
        return content

    def step(self, label, count, function, *args, **kwargs):
        """Records a call and the deliveries that MLflow makes for it, `count` in all."""
        self.call(label, function, *args, **kwargs)
        seconds = 0.5 if label in self.silent else 15
        self.note_deliveries(f"{label}: delivered", self.receiver.take(count, seconds))

    def note_deliveries(self, label, deliveries):
        """Records deliveries; those of one event to several webhooks have no order."""
        plain = [self.hide(self.rec.plain(delivery.plain(SECRET))) for delivery in deliveries]
        self.rec.note(label, sorted(plain, key=lambda item: (item["path"], str(item["body"]))))


def fields(value):
    """A webhook or the result of a test as a dictionary; other values as they are."""
    if isinstance(value, list):
        return [fields(item) for item in value]
    if type(value).__name__ not in ("Webhook", "WebhookTestResult", "Prompt", "PromptInfo"):
        return value
    shown = {k.lstrip("_"): v for k, v in vars(value).items()}
    if "events" in shown:
        shown["events"] = sorted(str(event) for event in shown["events"])
        shown["status"] = str(shown["status"])
    return shown


def play(url, receiver, silent=()):
    """Plays everything and gives a list of (label, normalised result)."""
    scenario = Scenario(url, receiver, silent)
    kept = manage(scenario)
    models(scenario)
    prompts(scenario)
    scenario.note_deliveries("nothing more is delivered", receiver.take_rest())
    for webhook_id in kept:
        scenario.client.delete_webhook(webhook_id)
    take_status(scenario)
    return scenario.rec.entries


def manage(scenario):
    """Creating, reading, changing, testing and deleting webhooks; gives the ids of those left."""
    client, base, call = scenario.client, scenario.base, scenario.call
    create = client.create_webhook

    def ours(**query):
        return [webhook for webhook in client.list_webhooks(**query) if base in webhook.url]

    full = call("create", create, "all-events", f"{base}/all", EVENTS, "for all", SECRET, "ACTIVE")
    few = call("create without secret", create, "few.events", f"{base}/few",
               ["model_version.created", "prompt.created"])
    off = call("create disabled", create, "off_1", f"{base}/off", EVENTS, status="DISABLED")
    call("create the same name", create, "off_1", f"{base}/off", EVENTS[:1], status="DISABLED")
    refused(scenario)
    for label, webhook in (("all", full), ("few", few), ("off", off)):
        call(f"get {label}", client.get_webhook, webhook.webhook_id)
    call("list", ours)
    call("list one", ours, max_results=1)
    change(scenario, off.webhook_id)
    try_out(scenario, full.webhook_id, off.webhook_id)
    gone = create("gone", f"{base}/gone", EVENTS).webhook_id
    call("delete", client.delete_webhook, gone)
    for label, function in (("get", client.get_webhook), ("delete", client.delete_webhook),
                            ("test", client.test_webhook)):
        call(f"{label} deleted", function, gone)
    call("update deleted", client.update_webhook, gone, name="x")
    return [webhook.webhook_id for webhook in call("list after", ours)]


def refused(scenario):
    """What cannot be created."""
    base, ask = scenario.base, scenario.ask
    event = {"entity": "MODEL_VERSION", "action": "CREATED"}
    good = {"name": "ok", "url": f"{base}/x", "events": [event]}
    for label, change in {
        "no name": {"name": None}, "empty name": {"name": ""}, "bad name": {"name": "-a"},
        "long name": {"name": "a" * 64}, "blank in name": {"name": "a b"},
        "no url": {"url": None}, "empty url": {"url": ""}, "blank url": {"url": "  "},
        "no scheme": {"url": "example.com"}, "ftp": {"url": "ftp://example.com/x"},
        "no host": {"url": "http:///x"}, "number as url": {"url": 5},
        "no events": {"events": None}, "empty events": {"events": []},
        "event of a wrong pair": {"events": [{**event, "action": "SET"}]},
        "event without action": {"events": [{"entity": "MODEL_VERSION"}]},
        "text as event": {"events": ["model_version.created"]},
        "number as secret": {"secret": 5},
    }.items():
        body = {k: v for k, v in {**good, **change}.items() if v is not None}
        ask(f"create with {label}", "POST", "webhooks", body)
    for bad in ("0", "-1", "1001", "x"):
        ask(f"list {bad}", "GET", "webhooks", max_results=bad)
    ask("list by a bad token", "GET", "webhooks", page_token="!!")
    unknown = "00000000-0000-4000-8000-000000000000"
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test")):
        ask(f"unknown {method}", method, f"webhooks/{unknown}{path}", {})


def take_status(scenario):
    """An unknown status; it comes last, since MLflow creates a webhook all the same."""
    event = {"entity": "MODEL_VERSION", "action": "CREATED"}
    body = {"name": "ok", "url": f"{scenario.base}/x", "events": [event], "status": "ASLEEP"}
    answer = scenario.ask("create with bad status", "POST", "webhooks", body)
    if "webhook" in answer:
        scenario.client.delete_webhook(answer["webhook"]["webhook_id"])


def change(scenario, webhook_id):
    """Every field changed alone, and changes that are refused."""
    client, base = scenario.client, scenario.base
    for name, value in (("name", "new-name"), ("description", "anew"), ("url", f"{base}/new"),
                        ("events", EVENTS[:2]), ("secret", "other"), ("description", ""),
                        ("status", "ACTIVE"), ("status", "DISABLED"), ("name", "a/b"),
                        ("url", "nowhere"), ("events", EVENTS)):
        shown = len(value) if name == "events" else value.replace(base, "")
        scenario.call(f"update {name} to {shown!r}", client.update_webhook, webhook_id,
                      **{name: value})
    scenario.call("update nothing", client.update_webhook, webhook_id)


def try_out(scenario, webhook_id, disabled_id):
    """The test call: an example payload for each event, and receivers that refuse."""
    client, base = scenario.client, scenario.base
    scenario.step("test", 1, client.test_webhook, webhook_id)
    for event in EVENTS:
        scenario.step(f"test {event}", 1, client.test_webhook, webhook_id, event)
    scenario.step("test disabled", 1, client.test_webhook, disabled_id)
    refusing = client.create_webhook("refusing", f"{base}/refuse", EVENTS[:1]).webhook_id
    scenario.step("test refused", 1, client.test_webhook, refusing)
    client.delete_webhook(refusing)
    redirecting = client.create_webhook("redirecting", f"{base}/redirect", EVENTS[:1]).webhook_id
    scenario.call("test redirected", client.test_webhook, redirecting)
    scenario.receiver.take_rest(0.2)
    client.delete_webhook(redirecting)


def models(scenario):
    """Every change of a model that MLflow has an event for, and some that it has none for."""
    client, step, name = scenario.client, scenario.step, f"{scenario.mark}-model"
    step("model", 1, client.create_registered_model, name, {"b": "2", "a": "ä\"\n"}, "text")
    bare = f"{scenario.mark}-bare"
    step("bare model", 1, client.create_registered_model, bare)
    step("model again", 0, client.create_registered_model, name)
    create = client.create_model_version
    step("version", 2, create, name, "s3://bucket/x", None, {"k": "v"}, "http://link", "text")
    step("bare version", 2, create, name, "s3://bucket/y")
    run = client.create_run("0")
    source = f"{run.info.artifact_uri}/model"
    step("version of a run", 2, create, name, source, run.info.run_id)
    step("version refused", 0, create, name, "/etc/passwd")
    step("version tag", 1, client.set_model_version_tag, name, "1", "t", "1")
    step("version tag anew", 1, client.set_model_version_tag, name, "1", "t", "2")
    step("version tag again", 1, client.set_model_version_tag, name, "1", "t", "2")
    step("version tag number", 1, client.set_model_version_tag, name, "1", "n", 3)
    step("version tag gone", 1, client.delete_model_version_tag, name, "1", "t")
    step("unknown version tag gone", 1, client.delete_model_version_tag, name, "1", "zz")
    step("tag of no version", 0, client.set_model_version_tag, name, "9", "t", "1")
    step("alias", 1, client.set_registered_model_alias, name, "champion", "1")
    step("alias moved", 1, client.set_registered_model_alias, name, "champion", "2")
    step("alias set again", 1, client.set_registered_model_alias, name, "champion", "2")
    step("alias of no version", 0, client.set_registered_model_alias, name, "champion", "9")
    step("alias gone", 1, client.delete_registered_model_alias, name, "champion")
    step("unknown alias gone", 1, client.delete_registered_model_alias, name, "champion")
    step("model tag", 0, client.set_registered_model_tag, name, "t", "1")
    step("model tag gone", 0, client.delete_registered_model_tag, name, "t")
    step("stage", 0, client.transition_model_version_stage, name, "1", "Production")
    step("description", 0, client.update_model_version, name, "1", "new")
    step("model description", 0, client.update_registered_model, name, "new")
    step("copy", 3, client.copy_model_version, f"models:/{name}/1", f"{name}-copy")
    step("renamed", 0, client.rename_registered_model, bare, f"{bare}-new")
    step("version deleted", 0, client.delete_model_version, name, "2")
    step("model deleted", 0, client.delete_registered_model, name)


def prompts(scenario):
    """Prompts are models with a tag; their events are of their own kind."""
    client, step, name = scenario.client, scenario.step, f"{scenario.mark}-prompt"
    step("prompt", 2, client.create_prompt, name, "text", {"team": "a"})
    step("prompt version", 1, client.create_prompt_version, name, "Hello {{name}}", "text",
         {"lang": "en"})
    step("bare prompt version", 1, client.create_prompt_version, name, "Bye")
    step("prompt tag", 1, client.set_prompt_tag, name, "t", "1")
    step("prompt tag gone", 1, client.delete_prompt_tag, name, "t")
    step("prompt version tag", 1, client.set_prompt_version_tag, name, "1", "t", "1")
    step("prompt version tag gone", 1, client.delete_prompt_version_tag, name, "1", "t")
    step("prompt alias", 1, client.set_prompt_alias, name, "live", 1)
    step("prompt alias gone", 1, client.delete_prompt_alias, name, "live")
    step("prompt version deleted", 0, client.delete_prompt_version, name, "2")
