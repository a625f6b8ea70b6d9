from __future__ import annotations

import asyncio

import pytest

from tenure.client.leasing import AsyncLeasing
from tenure.client.transport import AsyncTransport
from tenure.domain.errors import Forbidden, Unauthenticated, Unavailable, WorkerUnknown
from tenure.worker.backoff import Backoff
from tenure.worker.membership import Membership
from tests.worker.protocol import Protocol, problem
from tests.worker.scenes import until

pytestmark = pytest.mark.anyio


async def test_joining_waits_for_a_coordinator_that_is_not_well(scripted: Protocol) -> None:
    scripted.answers["register"] = lambda _: problem(503, "unavailable")
    leasing = AsyncLeasing(AsyncTransport(scripted.url))
    membership = Membership(leasing, scripted.introduction())
    task = asyncio.ensure_future(membership.join())
    await until(lambda: len(scripted.asked["register"]) >= 2)
    del scripted.answers["register"]
    session = await task
    assert session is membership.session
    assert (session.worker_id, session.token) == ("worker-1", "secret")
    said = scripted.asked["register"][0]
    assert said == {
        "name": "test", "hostname": "host", "pid": 1, "version": "0", "protocol": 1,
        "queues": ["default"], "types": [{"name": "work"}], "slots": 4, "labels": {},
    }  # fmt: skip
    await leasing.aclose()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(401, "unauthenticated", Unauthenticated), (403, "forbidden", Forbidden)],
)
async def test_a_refusal_ends_the_joining(
    scripted: Protocol, status: int, code: str, kind: type[Exception]
) -> None:
    scripted.answers["register"] = lambda _: problem(status, code)
    leasing = AsyncLeasing(AsyncTransport(scripted.url))
    with pytest.raises(kind):
        await Membership(leasing, scripted.introduction()).join()
    await leasing.aclose()


async def test_all_who_notice_register_once(scripted: Protocol) -> None:
    leasing, membership = await scripted.joined()
    old = membership.current
    sessions = await asyncio.gather(*(membership.rejoin(old) for _ in range(5)))
    assert {session.worker_id for session in sessions} == {"worker-2"}
    assert scripted.registrations == 2
    await leasing.aclose()


async def test_a_worker_that_ran_bears_a_refusal(scripted: Protocol) -> None:
    leasing, membership = await scripted.joined()
    scripted.answers["register"] = lambda _: problem(401, "unauthenticated")
    task = asyncio.ensure_future(membership.rejoin(membership.current))
    await until(lambda: len(scripted.asked["register"]) >= 3)
    del scripted.answers["register"]
    assert (await task).worker_id == "worker-2"
    await leasing.aclose()


async def test_overcoming_registers_again_or_waits(scripted: Protocol) -> None:
    leasing, membership = await scripted.joined()
    session, backoff = membership.current, Backoff(draw=lambda: 0.0)
    await membership.overcome(Unavailable(), session, backoff)
    assert (scripted.registrations, backoff.failures) == (1, 1)
    await membership.overcome(WorkerUnknown(), session, Backoff())
    assert membership.current.worker_id == "worker-2"
    await leasing.aclose()


async def test_a_session_nobody_ever_knows_does_not_spin(scripted: Protocol) -> None:
    leasing, membership = await scripted.joined()
    backoff = Backoff(draw=lambda: 1.0)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(3):
        await membership.overcome(WorkerUnknown(), membership.current, backoff)
    assert loop.time() - began > 0.5
    assert scripted.registrations == 4
    await leasing.aclose()
