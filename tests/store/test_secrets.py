"""The installation's secrets."""

from __future__ import annotations

from tenure.store.secrets import keep_secret, read_secret
from tests.store.opened import OpenedStore


def test_the_first_is_kept(store: OpenedStore) -> None:
    assert store.run(read_secret, "signing") is None
    assert store.run(keep_secret, "signing", "one") == "one"
    assert store.run(keep_secret, "signing", "two") == "one"
    assert store.run(keep_secret, "other", "two") == "two"
    assert store.run(read_secret, "signing") == "one"
