"""PostgreSQL goes away, comes back, or hands over: nothing acknowledged is lost."""

import time

from cluster import Cluster

DATABASE = ["database"]
STOPPED_SECONDS = 30


def url(*ports, options=""):
    """The URL of a database that may be at several ports."""
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://postgres@{hosts}/postgres{options}"


def test_a_replica_killed_under_load_loses_nothing(cluster, make_replicas, make_load):
    one, other = make_replicas(cluster, url(cluster.port))
    load = make_load([one, other])
    for _ in range(3):
        load.wait_for_more()
        one.kill()
        load.wait_for_more()
        one.start()
        load.ports[0] = one.port
    load.wait_for_more()
    load.finish(other)


def test_postgres_restarted_under_load_loses_nothing(cluster, make_replicas, make_load):
    one, other = make_replicas(cluster, url(cluster.port))
    load = make_load([one, other])
    for how in ("fast", "immediate"):
        load.wait_for_more()
        cluster.stop(how)
        cluster.start()
        load.wait_for_more()
    load.finish(other, DATABASE)


def test_postgres_stopped_for_30_seconds_is_named_and_loses_nothing(
    cluster, make_replicas, make_load
):
    one, other = make_replicas(cluster, url(cluster.port))
    load = make_load([one, other])
    load.wait_for_more()
    cluster.stop()
    # The length of the stop is what is tried here.
    time.sleep(STOPPED_SECONDS)
    cluster.start()
    load.wait_for_more()
    load.finish(other, DATABASE)
    assert load.ledger.refusals


def test_answers_of_postgres_cut_in_the_middle_lose_nothing(
    cluster, make_proxy, make_replicas, make_load
):
    proxy = make_proxy(cluster.port)
    one, other = make_replicas(cluster, url(proxy.port))
    load = make_load([one, other])
    load.wait_for_more()
    proxy.cut_after = (200, 20_000)
    load.wait_until(lambda: proxy.cuts > 40, "40 cuts")
    proxy.cut_after = None
    proxy.reset_all()
    load.wait_for_more()
    load.finish(other, DATABASE)


def test_a_network_that_swallows_everything_is_given_up_and_loses_nothing(
    cluster, make_proxy, make_replicas, make_load
):
    proxy = make_proxy(cluster.port)
    one, other = make_replicas(cluster, url(proxy.port))
    load = make_load([one, other])
    load.wait_for_more()
    proxy.swallows = True
    load.wait_until(lambda: load.ledger.refusals, "refusals while nothing gets through")
    proxy.swallows = False
    # What was swallowed is missing from the middle of these streams.
    proxy.reset_all()
    load.wait_for_more()
    load.finish(other, DATABASE)


def test_a_failover_to_the_replica_of_postgres_loses_nothing(
    cluster, made, make_replicas, make_load
):
    standby = Cluster(primary=cluster)
    made.append(standby)
    cluster.follow_synchronously(standby)
    both = url(cluster.port, standby.port, options="?target_session_attrs=read-write")
    one, other = make_replicas(cluster, both)
    load = make_load([one, other])
    load.wait_for_more()
    cluster.stop("immediate")
    standby.promote()
    load.wait_for_more()
    one.cluster = other.cluster = standby
    load.finish(other, DATABASE)
