"""Metric points: odd values, odd steps, big batches, pages, retries."""

import math

import pytest
from mlflow.entities import Metric
from support import points

pytestmark = [pytest.mark.mlflow2, pytest.mark.replicas]

T0 = 1_600_000_000_000
BIGGEST = 1.7976931348623157e308


def test_nan_is_kept_as_nan(client, run_id):
    client.log_metric(run_id, "loss", float("nan"), timestamp=T0, step=3)
    (step, timestamp, value), = points(client, run_id, "loss")
    assert (step, timestamp) == (3, T0) and math.isnan(value)
    assert math.isnan(client.get_run(run_id).data.metrics["loss"])


def test_infinities_come_back_as_the_largest_doubles(client, run_id):
    client.log_metric(run_id, "up", math.inf, timestamp=T0)
    client.log_metric(run_id, "down", -math.inf, timestamp=T0)
    assert client.get_run(run_id).data.metrics == {"up": BIGGEST, "down": -BIGGEST}
    assert points(client, run_id, "up") == [(0, T0, BIGGEST)]


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 5e-324, -1e308, BIGGEST, 0.1 + 0.2, 1 / 3, 2**53 + 0.0, -123456789.125]
)
def test_every_finite_double_comes_back_exactly(client, run_id, value):
    client.log_metric(run_id, "v", value, timestamp=T0)
    assert points(client, run_id, "v") == [(0, T0, value)]


def test_negative_steps_are_kept_and_the_highest_step_is_the_latest(client, run_id):
    for step in (-5, 10, -1_000_000):
        client.log_metric(run_id, "m", float(step), timestamp=T0, step=step)
    assert {p[0] for p in points(client, run_id, "m")} == {-5, 10, -1_000_000}
    assert client.get_run(run_id).data.metrics == {"m": 10.0}


def test_equal_steps_with_different_times_are_different_points(client, run_id):
    for offset, value in [(2, 0.2), (0, 0.9), (1, 0.1)]:
        client.log_metric(run_id, "m", value, timestamp=T0 + offset, step=4)
    assert points(client, run_id, "m") == [(4, T0, 0.9), (4, T0 + 1, 0.1), (4, T0 + 2, 0.2)]
    assert client.get_run(run_id).data.metrics == {"m": 0.2}


def test_the_latest_value_goes_by_step_then_time_then_value(client, run_id):
    batch = [
        Metric("a", 1.0, T0 + 9, 1), Metric("a", 2.0, T0, 2),
        Metric("b", 5.0, T0, 0), Metric("b", 7.0, T0, 0), Metric("b", 6.0, T0, 0),
        Metric("c", -1.0, T0, 0), Metric("c", float("nan"), T0, 0),
    ]
    client.log_batch(run_id, metrics=batch)
    latest = client.get_run(run_id).data.metrics
    assert (latest["a"], latest["b"]) == (2.0, 7.0)
    assert math.isnan(latest["c"])


def test_a_batch_of_a_thousand_keys_is_stored_whole(client, run_id):
    client.log_batch(run_id, metrics=[Metric(f"m/{i:04}", i / 7, T0, 1) for i in range(1000)])
    latest = client.get_run(run_id).data.metrics
    assert latest == {f"m/{i:04}": i / 7 for i in range(1000)}


def test_a_batch_of_a_thousand_points_of_one_key_is_stored_whole(client, run_id):
    client.log_batch(run_id, metrics=[Metric("m", i / 7, T0 + i, i) for i in range(1000)])
    assert points(client, run_id, "m") == [(i, T0 + i, i / 7) for i in range(1000)]


def test_repeating_an_identical_batch_changes_nothing(client, run_id):
    batch = [Metric("m", i / 3, T0 + i, i) for i in range(50)]
    batch += [Metric("nan", float("nan"), T0, 1)]
    for _ in range(3):
        client.log_batch(run_id, metrics=batch)
    assert points(client, run_id, "m") == [(i, T0 + i, i / 3) for i in range(50)]
    assert len(points(client, run_id, "nan")) == 1


def test_one_point_doubled_inside_a_batch_is_stored_once(client, run_id):
    client.log_batch(run_id, metrics=[Metric("m", 1.0, T0, 1)] * 3 + [Metric("m", 2.0, T0, 1)])
    assert points(client, run_id, "m") == [(1, T0, 1.0), (1, T0, 2.0)]


def test_history_is_ordered_by_time_not_by_arrival(client, run_id):
    for offset in (5, 1, 9, 3):
        client.log_metric(run_id, "m", float(offset), timestamp=T0 + offset, step=100 - offset)
    assert [t - T0 for _, t, _ in points(client, run_id, "m")] == [1, 3, 5, 9]


def test_history_pages_cover_every_point_once(rest, client, run_id):
    expected = [(i, T0 + i, float(i % 13)) for i in range(2500)]
    for start in range(0, 2500, 500):
        chunk = expected[start:start + 500]
        client.log_batch(run_id, metrics=[Metric("m", v, t, s) for s, t, v in chunk])
    read, token, pages = [], None, 0
    while pages == 0 or token:
        query = {"run_id": run_id, "metric_key": "m", "max_results": 400}
        query |= {"page_token": token} if token else {}
        answer = rest.get("metrics/get-history", **query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert len(body["metrics"]) <= 400
        read += [(m["step"], m["timestamp"], m["value"]) for m in body["metrics"]]
        token, pages = body.get("next_page_token"), pages + 1
    assert read == expected
    assert pages == 7
    assert points(client, run_id, "m") == expected


def test_an_unknown_key_has_an_empty_history(client, run_id):
    assert client.get_metric_history(run_id, "never logged") == []


def test_single_points_one_by_one_are_all_there(client, run_id):
    for i in range(300):
        client.log_metric(run_id, "m", i * 0.5, timestamp=T0 + i, step=i)
    assert points(client, run_id, "m") == [(i, T0 + i, i * 0.5) for i in range(300)]


def test_numbers_arrive_as_strings_and_booleans_too(rest, client, run_id):
    for key, value in [("text", "1.5"), ("exp", "1e-3"), ("flag", True), ("whole", 3)]:
        body = {"run_id": run_id, "key": key, "value": value, "timestamp": str(T0), "step": "2"}
        assert rest.send("runs/log-metric", body).status_code == 200
    assert client.get_run(run_id).data.metrics == {
        "text": 1.5, "exp": 0.001, "flag": 1.0, "whole": 3.0,
    }
    assert points(client, run_id, "text") == [(2, T0, 1.5)]


def test_bulk_history_names_the_run_of_each_point(rest, client, experiment):
    ids = sorted(client.create_run(experiment).info.run_id for _ in range(3))
    for n, run in enumerate(ids):
        client.log_batch(run, metrics=[Metric("m", n + i / 10, T0 + i, i) for i in range(4)])
    answer = rest.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", run_id=ids, metric_key="m")
    assert answer.status_code == 200
    read = [(m["run_id"], m["step"], m["timestamp"], m["value"]) for m in answer.json()["metrics"]]
    expected = [(r, i, T0 + i, n + i / 10) for n, r in enumerate(ids) for i in range(4)]
    assert read == expected


def test_sampled_history_keeps_the_last_point(rest, client, run_id):
    client.log_batch(run_id, metrics=[Metric("m", float(i), T0 + i, i) for i in range(1000)])
    query = {"run_ids": run_id, "metric_key": "m", "max_results": 10}
    answer = rest.get("metrics/get-history-bulk-interval", **query)
    assert answer.status_code == 200, answer.text
    steps = [m["step"] for m in answer.json()["metrics"]]
    assert len(steps) == 10
    assert (steps[0], steps[-1]) == (0, 999)
    assert steps == sorted(set(steps))
    ranged = rest.get("metrics/get-history-bulk-interval", **query, start_step=100, end_step=104)
    assert [m["step"] for m in ranged.json()["metrics"]] == [100, 101, 102, 103, 104]
