"""Families of refresh tokens."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tenure.store import accounts, sessions
from tenure.store import tables_access as ta
from tenure.store.accounts import UserRow
from tenure.store.sessions import NewRefresh
from tests.store.opened import OpenedStore, PostgresStore
from tests.store.test_accounts import ANN

FAMILY = "0193474a-0000-7000-8000-0000000000f1"
OTHER_FAMILY = "0193474a-0000-7000-8000-0000000000f2"
HOUR = 3_600_000_000


def user(store: OpenedStore) -> UserRow:
    return store.run(accounts.get_user, ANN.id)


def token(store: OpenedStore, digest: str) -> NewRefresh:
    return NewRefresh(digest, store.now + HOUR)


@pytest.fixture
def opened(store: OpenedStore) -> OpenedStore:
    """With a user who is logged in."""
    store.run(accounts.add_user, ANN)
    assert store.run(sessions.open_session, user(store), FAMILY, token(store, "one")) is not None
    return store


def test_a_login_is_alive_until_it_ends(opened: OpenedStore) -> None:
    found = opened.run(sessions.user_of, ANN.id, FAMILY)
    assert found is not None
    assert (found.id, found.last_login_at) == (ANN.id, opened.now)
    assert opened.run(sessions.family_of, "one") == FAMILY
    assert opened.run(sessions.user_of, ANN.id, OTHER_FAMILY) is None
    assert opened.run(sessions.user_of, FAMILY, FAMILY) is None
    opened.run(sessions.end_family, FAMILY)
    assert opened.run(sessions.user_of, ANN.id, FAMILY) is None
    assert opened.run(sessions.family_of, "one") is None


def test_a_token_is_good_once_and_in_time(opened: OpenedStore) -> None:
    rotated = opened.run(sessions.rotate, "one", token(opened, "two"))
    assert rotated is not None
    assert (rotated.user.id, rotated.family_id) == (ANN.id, FAMILY)
    opened.now += HOUR - 1
    assert opened.run(sessions.rotate, "two", token(opened, "three")) is not None
    opened.now += HOUR
    assert opened.run(sessions.rotate, "three", token(opened, "four")) is None
    assert opened.run(sessions.user_of, ANN.id, FAMILY) is not None


def test_a_token_used_twice_ends_its_family_alone(opened: OpenedStore) -> None:
    opened.run(sessions.open_session, user(opened), OTHER_FAMILY, token(opened, "beside"))
    opened.run(sessions.rotate, "one", token(opened, "two"))
    again = opened.run(sessions.rotate, "one", token(opened, "three"))
    assert again is not None
    assert (again.user.id, again.family_id, again.reused) == (ANN.id, FAMILY, True)
    assert opened.run(sessions.rotate, "one", token(opened, "three")) is None
    assert opened.run(sessions.rotate, "two", token(opened, "four")) is None
    assert opened.rows(sa.select(ta.refresh_tokens.c.digest)) == [("beside",)]


def test_unknown_tokens_change_nothing(opened: OpenedStore) -> None:
    assert opened.run(sessions.rotate, "none", token(opened, "two")) is None
    assert opened.rows(sa.select(ta.refresh_tokens.c.digest)) == [("one",)]


@pytest.mark.parametrize("what", ["role", "disabled", "password", "deleted"])
def test_a_proof_of_before_a_change_opens_nothing(opened: OpenedStore, what: str) -> None:
    known = user(opened)
    other = "0193474a-0000-7000-8000-0000000000a9"
    opened.run(accounts.add_user, accounts.NewUser(other, "boss", None, "admin", None))
    if what == "role":
        opened.run(accounts.change_user, ANN.id, "viewer")
    elif what == "disabled":
        opened.run(accounts.change_user, ANN.id, None, True)
    elif what == "password":
        opened.run(accounts.set_password, ANN.id, "new")
    else:
        opened.run(accounts.delete_user, ANN.id)
    refresh = token(opened, "two")
    assert opened.run(sessions.open_session, known, OTHER_FAMILY, refresh) is None
    left = opened.rows(sa.select(ta.refresh_tokens.c.digest))
    assert left == ([("one",)] if what == "role" else [])


def test_a_locked_user_refreshes_nothing(opened: OpenedStore) -> None:
    opened.execute(sa.update(ta.users).values(disabled=1))
    assert opened.run(sessions.rotate, "one", token(opened, "two")) is None


def test_old_tokens_are_forgotten(opened: OpenedStore) -> None:
    opened.run(sessions.rotate, "one", NewRefresh("two", opened.now + 2 * HOUR))
    assert opened.run(sessions.prune_sessions, opened.now + HOUR) == 0
    assert opened.run(sessions.prune_sessions, opened.now + HOUR + 1) == 1
    assert opened.rows(sa.select(ta.refresh_tokens.c.digest)) == [("two",)]


def test_logins_on_two_coordinators_do_not_wait_for_another_user(
    postgres_store: PostgresStore,
) -> None:
    bob = accounts.NewUser("0193474a-0000-7000-8000-0000000000a2", "bob", None, "user", None)
    for someone in (ANN, bob):
        postgres_store.run(accounts.add_user, someone)
    first, second = (postgres_store.run(accounts.get_user, one.id) for one in (ANN, bob))
    opened = postgres_store.beside(
        lambda unit: sessions.open_session(unit, first, FAMILY, NewRefresh("a", 2**60)),
        lambda unit: sessions.open_session(unit, second, OTHER_FAMILY, NewRefresh("b", 2**60)),
    )
    assert [found.id for found in opened if found is not None] == [ANN.id, bob.id]
