"""The same script against this server and MLflow's own, compared field by field."""

import compat_server
import pytest
from record import differences

# Labels of the scenario where the two answers differ on purpose, each with its reason. An entry
# that no longer differs fails the test too, so that the table stays true.
DOCUMENTED = {
    "dataset digest of 37": "a digest may have up to 128 characters, so that a SHA-256 fits",
    "dataset name of 0": "what has no name cannot be found again: datasets must be named",
    "summaries": "follows from the two datasets above",
    "search models nothing = 'x'": "the text names the keys that there are",
    "experiments/search: bad filter": "the text names the keys that there are",
    "experiments/search: bad order": "the text names the keys that there are",
    "experiments/search: by name": "page tokens are of another kind",
    "raw finalize without id": "the model of the URL is the one that is meant",
}


@pytest.mark.time_limit(240)
@pytest.mark.keeps_files("MLflow's own server has a folder, which takes no uploads in parts")
def test_every_answer_of_the_scenario_equals_that_of_mlflows_own_server(server, reference):
    from scenario import play  # names classes that the old client does not have

    expected = play(reference.url)
    labels = [label for label, _ in expected]
    assert len(labels) == len(set(labels)), "a label names two entries"
    assert len(labels) > 250
    found = differences(expected, play(server.url), ("mlflow", server.kind))
    surprising = [line for k, lines in found.items() if k not in DOCUMENTED for line in lines]
    assert not surprising, "\n".join(["", *surprising])
    stale = [label for label in DOCUMENTED if label not in found]
    assert server.kind == compat_server.MLFLOW or not stale, f"no longer different: {stale}"


def test_the_comparison_names_the_entry_and_the_field_that_differ():
    same = ("same", {"a": [1, 2]})
    expected = [same, ("other", {"status": 200, "body": {"x": [1, {"y": "v"}]}})]
    found = [same, ("other", {"status": 404, "body": {"x": [1, {}]}}), ("new", 1)]
    assert differences(expected, expected) == {}
    lines = {label: "\n".join(rows) for label, rows in differences(expected, found).items()}
    assert set(lines) == {"other", "new"}
    assert ".status" in lines["other"] and "404" in lines["other"]
    assert ".body.x[1].y" in lines["other"] and "<absent>" in lines["other"]
