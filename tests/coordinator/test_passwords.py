"""Passwords: argon2id, a few at a time, beside everything else."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher, extract_parameters

from tenure.coordinator.coordinator import Coordinator
from tenure.coordinator.passwords import MAX_WAITING, Passwords
from tenure.domain.access import LOCAL_ADMIN
from tenure.domain.errors import TooMany, Unauthenticated
from tenure.store import tables_access as ta
from tenure.store.accounts import get_user
from tenure.store.renewals import Beat
from tenure.wire.access import LoginIn, UserIn
from tenure.wire.base import validate
from tests.coordinator.scenes import register

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


async def test_hashes_are_argon2id_of_today() -> None:
    kept = await Passwords().hash(PASSWORD)
    assert kept.startswith("$argon2id$")
    found = extract_parameters(kept)
    assert (found.memory_cost, found.time_cost, found.parallelism) == (19_456, 2, 1)
    assert await Passwords().check(kept, PASSWORD) == (True, None)
    assert await Passwords().check(kept, PASSWORD + "x") == (False, None)


@pytest.mark.parametrize("kept", [None, "", "x", "$argon2id$v=19$m=8", "5f4dcc3b5aa765d61d8327de"])
async def test_nothing_fits_what_is_no_hash(kept: str | None) -> None:
    assert not (await Passwords().check(kept, PASSWORD)).good


async def test_the_unknown_take_the_work_of_the_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: one verification each."""
    verified: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, kept: str, password: str) -> object:
        verified.append(kept)
        return verify(self, kept, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    passwords = Passwords()
    known = await passwords.hash(PASSWORD)
    for kept in (known, None):
        verified.clear()
        await passwords.check(kept, "wrong")
        assert len(verified) == 1
        assert extract_parameters(verified[0]) == extract_parameters(known)


async def test_an_older_hash_is_made_anew() -> None:
    older = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    verdict = await Passwords().check(older, PASSWORD)
    assert verdict.good
    assert verdict.newer is not None
    assert await Passwords().check(verdict.newer, PASSWORD) == (True, None)
    assert (await Passwords().check(older, "wrong")).newer is None


ANN = {"name": "ann", "password": PASSWORD}


async def test_a_login_keeps_the_newer_hash(coordinator: Coordinator) -> None:
    user = await coordinator.users.add(
        LOCAL_ADMIN, validate(UserIn, {"name": "ann", "password": PASSWORD})
    )
    older = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    age = sa.update(ta.users).values(password=older)
    await coordinator.store.write(lambda conn: conn.execute(age) and None)
    asked = validate(LoginIn, {"name": "ann", "password": PASSWORD})
    first = await coordinator.accounts.login(asked)
    kept = (await coordinator.reader.run(lambda unit: get_user(unit, user.id))).password
    assert kept is not None
    assert extract_parameters(kept).memory_cost == 19_456
    # A hash made anew is no other password: what was given out stays good.
    assert (await coordinator.authentication.find(first.token)).id == user.id


async def test_too_many_at_a_time_are_refused() -> None:
    passwords = Passwords()
    kept = await passwords.hash(PASSWORD)
    tasks = [asyncio.create_task(passwords.check(kept, "x")) for _ in range(MAX_WAITING + 1)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        refused = [task for task in done if isinstance(task.exception(), TooMany)]
        assert len(refused) == 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_heartbeats_go_on_beside_many_logins(coordinator: Coordinator) -> None:
    worker_id = await register(coordinator)
    await coordinator.users.add(
        LOCAL_ADMIN, validate(UserIn, {"name": "ann", "password": PASSWORD})
    )
    asked = [
        validate(LoginIn, {"name": "ann" if n % 2 else "nobody", "password": f"wrong {n}"})
        for n in range(40)
    ]
    logins = [asyncio.create_task(coordinator.accounts.login(one)) for one in asked]
    beats = 0
    while not all(login.done() for login in logins):
        await coordinator.committer.renew(Beat(worker_id, {}))
        beats += 1
    # Hashing in the loop would let one in before the last login is answered.
    assert beats >= 5
    answers = await asyncio.gather(*logins, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unauthenticated}
