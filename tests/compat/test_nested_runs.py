"""Parents and children, as sweeps use them."""

import mlflow
import pytest

pytestmark = pytest.mark.mlflow2

PARENT = "mlflow.parentRunId"


def test_children_carry_their_parent_and_are_found_by_it(client, experiment):
    with mlflow.start_run(run_name="sweep") as parent:
        for n in range(3):
            with mlflow.start_run(run_name=f"trial {n}", nested=True) as child:
                mlflow.log_param("n", n)
                assert child.data.tags[PARENT] == parent.info.run_id
        mlflow.log_metric("best", 1.0)
    found = client.search_runs(
        [experiment], f"tags.`{PARENT}` = '{parent.info.run_id}'", order_by=["params.n ASC"]
    )
    assert [run.info.run_name for run in found] == ["trial 0", "trial 1", "trial 2"]
    assert {run.info.status for run in found} == {"FINISHED"}
    assert client.get_run(parent.info.run_id).data.metrics == {"best": 1.0}


def test_runs_nest_several_levels_deep(client, experiment):
    with mlflow.start_run() as top, mlflow.start_run(nested=True) as middle:
        with mlflow.start_run(nested=True) as bottom:
            mlflow.log_metric("depth", 2.0)
        assert mlflow.active_run().info.run_id == middle.info.run_id
    chain = [bottom.info.run_id]
    while parent := client.get_parent_run(chain[-1]):
        chain.append(parent.info.run_id)
    assert chain == [bottom.info.run_id, middle.info.run_id, top.info.run_id]


def test_a_child_can_be_started_under_a_parent_that_is_not_active(client, experiment):
    parent = client.create_run(experiment)
    with mlflow.start_run(run_name="late child", nested=True, parent_run_id=parent.info.run_id):
        child = mlflow.active_run()
    assert client.get_parent_run(child.info.run_id).info.run_id == parent.info.run_id


def test_a_child_that_raises_does_not_end_its_parent(client, experiment):
    with mlflow.start_run() as parent:
        with pytest.raises(RuntimeError):
            with mlflow.start_run(nested=True) as child:
                raise RuntimeError("diverged")
        assert client.get_run(child.info.run_id).info.status == "FAILED"
        assert client.get_run(parent.info.run_id).info.status == "RUNNING"
    assert client.get_run(parent.info.run_id).info.status == "FINISHED"


def test_deleting_the_parent_leaves_its_children(client, experiment):
    with mlflow.start_run() as parent, mlflow.start_run(nested=True) as child:
        pass
    client.delete_run(parent.info.run_id)
    assert client.get_run(child.info.run_id).info.lifecycle_stage == "active"
    assert [run.info.run_id for run in client.search_runs([experiment])] == [child.info.run_id]
