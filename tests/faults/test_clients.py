"""The way between client and server breaks: nothing acknowledged is lost, nothing is by halves."""

from test_postgres import url


def test_answers_to_clients_cut_in_the_middle_lose_nothing(
    cluster, make_proxy, make_replicas, make_load
):
    replicas = make_replicas(cluster, url(cluster.port))
    proxies = [make_proxy(replica.port) for replica in replicas]
    load = make_load(replicas, [proxy.port for proxy in proxies])
    load.wait_for_more()
    for proxy in proxies:
        proxy.cut_after = (20, 3_000)
    load.wait_until(lambda: sum(proxy.cuts for proxy in proxies) > 60, "60 cuts")
    for proxy in proxies:
        proxy.cut_after = None
        proxy.reset_all()
    load.wait_for_more()
    load.finish(replicas[0])
