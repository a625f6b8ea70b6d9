from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from tenure.client.blocking import Client
from tests.client.conftest import PATIENCE
from tests.worker.running import Running


def test_threads_share_a_client(running: Running) -> None:
    with Client(running.url, patience=PATIENCE) as client, ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: client.submit("threads", n), range(64)))
        jobs = list(pool.map(lambda one: client.get(one.id), made))
    assert [job.payload for job in jobs] == list(range(64))


def test_a_list_is_read_page_by_page_as_it_is_asked_for(running: Running) -> None:
    with Client(running.url, patience=PATIENCE) as client:
        client.submit_many({"type": "paged", "payload": n} for n in range(1201))
        newest = list(islice(client.list(type="paged"), 3))
        assert [job.payload for job in newest] == [1200, 1199, 1198]
        assert [job.payload for job in client.list(type="paged")] == list(range(1200, -1, -1))
        assert len(list(client.list(type="paged", limit=600))) == 600


def test_submit_each_takes_any_number(running: Running) -> None:
    with Client(running.url, patience=PATIENCE) as client:
        made = client.submit_each({"type": "each", "payload": n} for n in range(10_500))
        assert len({one.id for one in made if not isinstance(one, Exception)}) == 10_500


def test_a_follower_goes_on_after_a_restart_of_the_coordinator(running: Running) -> None:
    with Client(running.url, patience=PATIENCE) as client, ThreadPoolExecutor(1) as pool:
        made = client.submit("followed")
        lines = pool.submit(lambda: list(client.follow(made.id, timeout=20)))
        running.stop()
        running.start()
        client.cancel(made.id)
        assert lines.result(20) == []


def test_a_client_goes_on_after_a_restart_of_the_coordinator(running: Running) -> None:
    with Client(running.url, patience=PATIENCE) as client:
        before = client.submit("restart")
        running.stop()
        running.start()
        assert client.get(before.id).type == "restart"
        client.submit("restart")
