"""Whose jobs are whose, and how many: in both Python clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from tenure.client.retrying import NO_PATIENCE
from tenure.domain.errors import Forbidden, JobNotFound, QuotaExceeded
from tenure.settings import Quotas
from tests.client.conftest import Speak, speaking
from tests.worker.running import Running

pytestmark = pytest.mark.anyio
MOST = 4


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A coordinator that asks everybody and gives a user room for few jobs."""
    directory = tmp_path_factory.mktemp("owned")
    running = Running(directory)
    running.ask_everybody(directory)
    quotas = Quotas(unfinished_jobs=MOST)
    running.settings = running.settings.model_copy(update={"quotas": quotas})
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["blocking", "async"])
def tokens(request: pytest.FixtureRequest, guarded: Running) -> dict[str, str]:
    """Of new users, for one kind of client."""
    kind: str = request.param
    roles = {"ann": "user", "ben": "user", "vic": "viewer"}
    found = {name: guarded.add_user(f"{name}-{kind}", role) for name, role in roles.items()}
    return found | {"kind": kind}


@pytest.fixture
async def people(guarded: Running, tokens: dict[str, str]) -> AsyncIterator[dict[str, Speak]]:
    """`await people["ann"](method, ...)`."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                speaking(tokens["kind"], guarded.url, token=tokens[name], patience=NO_PATIENCE)
            )
            for name in ("ann", "ben", "vic")
        }


async def test_a_user_sees_and_touches_their_own(people: dict[str, Speak]) -> None:
    ann, ben, vic = people["ann"], people["ben"], people["vic"]
    mine = (await ann("submit", "owned", queue="owned")).id
    other = (await ben("submit", "owned", queue="owned")).id
    assert [job.id for job in await ann("list", queue="owned")] == [mine]
    assert {mine, other} <= {job.id for job in await vic("list", queue="owned")}
    for method in ("get", "cancel", "explain", "runs", "delete"):
        with pytest.raises(JobNotFound):
            await ann(method, other)
    with pytest.raises(JobNotFound):
        await ann("listen", f"job:{other}")
    assert (await ben("get", other)).status == "pending"
    with pytest.raises(Forbidden):
        await vic("submit", "owned")
    with pytest.raises(Forbidden):
        await vic("cancel", mine)


async def test_a_quota_is_told_with_its_bound(people: dict[str, Speak]) -> None:
    ben = people["ben"]
    room = MOST - len(await ben("list", q="status:pending"))
    await ben("submit_many", [{"type": "owned"}] * room)
    with pytest.raises(QuotaExceeded, match=f"unfinished_jobs: at most {MOST}, {MOST} are there"):
        await ben("submit", "owned")
    with pytest.raises(QuotaExceeded):
        await ben("submit_many", [{"type": "owned"}])
    (refused,) = await ben("submit_each", [{"type": "owned"}])
    assert isinstance(refused, QuotaExceeded)
    await ben("cancel", (await ben("list", q="status:pending"))[0].id)
    assert (await ben("submit", "owned")).id
