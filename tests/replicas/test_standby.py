"""Searches at a standby: they find what their client wrote, however far the standby is behind."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from calls import new_run, post
from cluster import Cluster
from conftest import wait_until


@pytest.fixture(scope="module")
def primary():
    """A PostgreSQL that may be stopped."""
    made = Cluster()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def standby(primary):
    """Its streaming standby."""
    made = Cluster(primary)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def servers(primary, standby, make_replicas):
    """Two servers that may read from the standby."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKWAY_TEST_DATABASE", primary.url())
        patch.delenv("TRACKWAY_TEST_ADMIN", raising=False)
        # The name of the database is not known before it is made.
        made = make_replicas(2, TRACKWAY_DATABASE_READ_URL=standby.url("NAME"))
        yield made
        made.stop()


def reads(servers):
    """How many reads went where, at both servers together."""
    results = ("standby", "behind", "unavailable")
    return {result: sum(replica.figure("trackway_db_standby_reads_total", result=result)
                        for replica in servers.replicas) for result in results}


def find(url, run_id, tag):
    """Ids of the runs that have a tag of this value."""
    body = {"experiment_ids": [str(n) for n in range(50)], "filter": f"tags.t = '{tag}'"}
    return [run["info"]["run_id"] for run in post(url, "runs/search", body).get("runs", [])]


def write_and_find(servers, run_id, values):
    """Sets a tag at one server and searches for it at the other, again and again."""
    one, other = (replica.url for replica in servers.replicas)
    for value in values:
        post(one, "runs/set-tag", {"run_id": run_id, "key": "t", "value": value})
        assert find(other, run_id, value) == [run_id], value
        one, other = other, one


@pytest.fixture
def run_id(servers):
    """A run."""
    return new_run(servers.replicas[0].url)[0]


def test_a_standby_that_keeps_up_answers_searches(servers, run_id):
    before = reads(servers)
    write_and_find(servers, run_id, [f"a{n}" for n in range(30)])
    # How often it is quick enough is for the machine to say; without writes it always is.
    wait_until(lambda: find(servers.url, run_id, "a29") == [run_id]
               and reads(servers)["standby"] > before["standby"])
    after = reads(servers)
    assert after["unavailable"] == before["unavailable"]


def test_who_wrote_finds_it_while_the_standby_stands_still(standby, servers, run_id):
    standby.ask("select pg_wal_replay_pause()")
    try:
        # Whatever was replayed before, this is not.
        before = reads(servers)
        write_and_find(servers, run_id, [f"b{n}" for n in range(10)])
        after = reads(servers)
        assert after["behind"] - before["behind"] == 10
        assert after["standby"] == before["standby"]
    finally:
        standby.ask("select pg_wal_replay_resume()")
    wait_until(lambda: find(servers.url, run_id, "b9") == [run_id]
               and reads(servers)["standby"] > after["standby"])


def test_many_clients_find_what_each_wrote(servers):
    def client(number):
        run = new_run(servers.url)[0]
        write_and_find(servers, run, [f"c{number}-{n}" for n in range(8)])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(client, range(6)))


def test_without_the_standby_the_primary_answers(standby, servers, run_id):
    standby.stop("immediate")
    before = reads(servers)
    write_and_find(servers, run_id, [f"d{n}" for n in range(10)])
    after = reads(servers)
    assert after["unavailable"] - before["unavailable"] == 10
    standby.start()
    wait_until(lambda: find(servers.url, run_id, "d9") == [run_id]
               and reads(servers)["standby"] > after["standby"])


def test_a_database_that_is_no_standby_is_not_read(primary, make_replicas, monkeypatch):
    monkeypatch.setenv("TRACKWAY_TEST_DATABASE", primary.url())
    monkeypatch.delenv("TRACKWAY_TEST_ADMIN", raising=False)
    servers = make_replicas(1, TRACKWAY_DATABASE_READ_URL=primary.url())
    try:
        run_id, _ = new_run(servers.url)
        post(servers.url, "runs/set-tag", {"run_id": run_id, "key": "t", "value": "e"})
        assert find(servers.url, run_id, "e") == [run_id]
        assert reads(servers)["standby"] == 0
        assert reads(servers)["unavailable"] == 1
    finally:
        servers.stop()
