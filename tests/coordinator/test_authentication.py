"""From a token to who asks, and for how long that stands."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tenure.coordinator import credentials
from tenure.coordinator.authentication import Authentication
from tenure.coordinator.coordinator import Coordinator
from tenure.coordinator.memory import MAX_REMEMBERED, REMEMBERED, Memory
from tenure.domain.access import Kind, Permission, Principal, Role
from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import Unauthenticated
from tenure.store import accounts, tokens
from tenure.store import tables_access as ta
from tenure.store.accounts import NewUser
from tenure.store.tokens import NewToken

pytestmark = pytest.mark.anyio

USER = NewUser("0193474a-0000-7000-8000-0000000000a1", None, "ann@example.org", "viewer", None)
TOKEN_ID = "0193474a-0000-7000-8000-0000000000b1"


class Hands:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = 1_000 * SECOND
        self.clock = Clock(monotonic=lambda: self.at, wall=lambda: self.at)


async def _token(coordinator: Coordinator, expires_at: int | None = None) -> str:
    token = credentials.new_token(credentials.API_TOKEN)
    kept = NewToken(
        TOKEN_ID, Kind.API_TOKEN, "ci", credentials.digest(token), USER.id, (Permission.READ,),
        None, expires_at,
    )  # fmt: skip
    await coordinator.committer.run(lambda unit: accounts.add_user(unit, USER))
    await coordinator.committer.run(lambda unit: tokens.add_token(unit, kept))
    return token


async def test_a_token_is_its_user_with_its_scopes(coordinator: Coordinator) -> None:
    token = await _token(coordinator)
    found = await coordinator.authentication.find(token)
    scopes = frozenset({Permission.OPEN, Permission.KNOWN, Permission.READ})
    assert found == Principal(
        Role.VIEWER, USER.id, "ann@example.org", Kind.API_TOKEN, scopes, token_id=TOKEN_ID
    )
    assert coordinator.authentication.known(token) is found
    assert coordinator.authentication.known(token + "x") is None


async def test_a_change_bites_within_a_second(coordinator: Coordinator) -> None:
    hands = Hands()
    authentication = Authentication(
        coordinator.committer, coordinator.reader, hands.clock, coordinator.signer
    )
    token = await _token(coordinator)
    await authentication.find(token)
    await coordinator.store.write(lambda conn: conn.execute(sa.delete(ta.users)) and None)
    hands.at += REMEMBERED - 1
    assert authentication.known(token) is not None
    hands.at += 1
    assert authentication.known(token) is None
    assert REMEMBERED < SECOND
    with pytest.raises(Unauthenticated):
        await authentication.find(token)


async def test_nothing_is_remembered_beyond_its_expiry(coordinator: Coordinator) -> None:
    hands = Hands()
    authentication = Authentication(
        coordinator.committer, coordinator.reader, hands.clock, coordinator.signer
    )
    token = await _token(coordinator, expires_at=hands.at + 10)
    await authentication.find(token)
    hands.at += 9
    assert authentication.known(token) is not None
    hands.at += 1
    assert authentication.known(token) is None
    with pytest.raises(Unauthenticated, match="expired"):
        await authentication.find(token)


async def test_a_disabled_users_token_is_void(coordinator: Coordinator) -> None:
    token = await _token(coordinator)
    disable = sa.update(ta.users).values(disabled=1)
    await coordinator.store.write(lambda conn: conn.execute(disable) and None)
    with pytest.raises(Unauthenticated):
        await coordinator.authentication.find(token)


def test_a_memory_is_bounded() -> None:
    memory: Memory[int] = Memory(Hands().clock)
    for n in range(3 * MAX_REMEMBERED // 2):
        memory.keep(str(n), n, 1_001 * SECOND)
    assert memory.get("0") is None
    assert memory.get(str(3 * MAX_REMEMBERED // 2 - 1)) == 3 * MAX_REMEMBERED // 2 - 1
