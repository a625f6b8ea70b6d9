"""Users."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tenure.domain.errors import Conflict
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
