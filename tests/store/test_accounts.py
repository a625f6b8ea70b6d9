"""Users."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.domain.errors import Conflict, UserNotFound
from tenure.domain.ids import first_at
from tenure.store import accounts
from tenure.store.accounts import NewUser
from tests.store.opened import OpenedStore

ANN = NewUser("0193474a-0000-7000-8000-0000000000a1", "ann", "ann@example.org", "user", "hash")
OTHER = "0193474a-0000-7000-8000-0000000000a2"


def test_a_user_is_found_by_name_and_by_e_mail(store: OpenedStore) -> None:
    store.run(accounts.add_user, ANN)
    found = store.run(accounts.find_user, "ann")
    assert found is not None
    assert found == store.run(accounts.find_user, "ann@example.org")
    assert found[:7] == (ANN.id, "ann", "ann@example.org", "user", "hash", 0, 1)
    assert (found.created_at, found.last_login_at) == (store.now, None)
    for nobody in ("bob", "bob@example.org", "", "@"):
        assert store.run(accounts.find_user, nobody) is None


def test_names_and_e_mails_are_taken_once(store: OpenedStore) -> None:
    store.run(accounts.add_user, ANN)
    for twin in (replace(ANN, id=OTHER, email=None), replace(ANN, id=OTHER, name=None)):
        with pytest.raises(Conflict, match="is taken"):
            store.run(accounts.add_user, twin)
    store.run(accounts.add_user, NewUser(OTHER, None, "bob@example.org", "viewer", None))


def test_users_without_a_name_or_an_e_mail_do_not_meet(store: OpenedStore) -> None:
    for n, (name, email) in enumerate([("a", None), ("b", None), (None, "a@b"), (None, "b@b")]):
        store.run(accounts.add_user, NewUser(f"{OTHER[:-1]}{n}", name, email, "user", None))
    found = store.run(accounts.find_user, "b@b")
    assert found is not None
    assert found.name is None


BOSS = NewUser("0193474a-0000-7000-8000-0000000000a8", "boss", None, "admin", None)
SECOND = NewUser("0193474a-0000-7000-8000-0000000000a9", "second", None, "admin", None)


def test_changes_count_versions(store: OpenedStore) -> None:
    store.run(accounts.add_user, ANN)
    assert store.run(accounts.change_user, ANN.id, "user", False).version == 1
    changed = store.run(accounts.change_user, ANN.id, "viewer")
    assert (changed.role, changed.version, changed.disabled) == ("viewer", 2, 0)
    changed = store.run(accounts.change_user, ANN.id, None, True)
    assert (changed.role, changed.version, changed.disabled) == ("viewer", 3, 1)
    changed = store.run(accounts.set_password, ANN.id, "new")
    assert (changed.password, changed.version) == ("new", 4)


def test_a_rehash_is_no_change(store: OpenedStore) -> None:
    store.run(accounts.add_user, ANN)
    known = store.run(accounts.get_user, ANN.id)
    store.run(accounts.rehash, known, "newer")
    assert store.run(accounts.get_user, ANN.id)[4:7] == ("newer", 0, 1)
    store.run(accounts.rehash, known, "late")
    assert store.run(accounts.get_user, ANN.id).password == "newer"


def test_a_password_proven_before_another_was_set_is_late(store: OpenedStore) -> None:
    store.run(accounts.add_user, ANN)
    known = store.run(accounts.get_user, ANN.id)
    store.run(accounts.set_password, ANN.id, "first", known)
    with pytest.raises(Conflict):
        store.run(accounts.set_password, ANN.id, "second", known)
    assert store.run(accounts.get_user, ANN.id).password == "first"


def test_the_last_administrator_stays(store: OpenedStore) -> None:
    assert not store.run(accounts.has_admin)
    for someone in (ANN, BOSS, SECOND):
        store.run(accounts.add_user, someone)
    assert store.run(accounts.has_admin)
    store.run(accounts.change_user, SECOND.id, None, True)
    for verb, args in (
        (accounts.change_user, ("user",)),
        (accounts.change_user, (None, True)),
        (accounts.delete_user, ()),
    ):
        with pytest.raises(Conflict, match="last administrator"):
            store.run(verb, BOSS.id, *args)
    store.run(accounts.delete_user, SECOND.id)
    store.run(accounts.change_user, ANN.id, "admin")
    store.run(accounts.delete_user, BOSS.id)
    assert store.run(accounts.has_admin)


def test_nobody_is_nobody(store: OpenedStore) -> None:
    for call in (
        lambda: store.run(accounts.get_user, OTHER),
        lambda: store.run(accounts.change_user, OTHER, "user"),
        lambda: store.run(accounts.set_password, OTHER, "x"),
        lambda: store.run(accounts.delete_user, OTHER),
    ):
        with pytest.raises(UserNotFound):
            call()


def test_users_come_in_order(store: OpenedStore) -> None:
    for someone in (SECOND, ANN, BOSS):
        store.run(accounts.add_user, someone)
    ids = [ANN.id, BOSS.id, SECOND.id]
    assert [row.id for row in store.run(accounts.list_users, first_at(0), 9)] == ids
    assert [row.id for row in store.run(accounts.list_users, ANN.id, 1)] == [BOSS.id]
