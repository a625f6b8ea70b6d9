"""API tokens and worker tokens."""

from __future__ import annotations

import pytest

from tenure.domain.errors import TokenNotFound
from tenure.domain.ids import first_at
from tenure.store import accounts, tokens
from tenure.store.tokens import NewToken
from tests.store.opened import OpenedStore
from tests.store.test_accounts import ANN

TOKEN = NewToken(
    "0193474a-0000-7000-8000-0000000000b1", "api_token", "ci", "d1", ANN.id, ("read",), None, 77
)
WORKERS = NewToken(
    "0193474a-0000-7000-8000-0000000000b2", "worker_token", "gpu", "d2", None, None, ("a", "b")
)


def test_a_token_knows_its_user(store: OpenedStore) -> None:
    store.run(accounts.add_user, ANN)
    store.run(tokens.add_token, TOKEN)
    assert store.run(tokens.holder_of, "d1") == (
        TOKEN.id, "api_token", "ci", '["read"]', None, 77, None, ANN.id, "ann", "ann@example.org",
        "user", 0,
    )  # fmt: skip


def test_a_worker_token_is_nobodys(store: OpenedStore) -> None:
    store.run(tokens.add_token, WORKERS)
    assert store.run(tokens.holder_of, "d2") == (
        WORKERS.id, "worker_token", "gpu", None, '["a","b"]', None, None, None, None, None, None,
        None,
    )  # fmt: skip
    assert store.run(tokens.holder_of, "d1") is None


def test_tokens_are_listed_used_and_revoked(store: OpenedStore) -> None:
    store.run(accounts.add_user, ANN)
    for token in (WORKERS, TOKEN):
        store.run(tokens.add_token, token)
    whole = store.run(tokens.list_tokens, None, first_at(0), 9)
    assert [row.id for row in whole] == [TOKEN.id, WORKERS.id]
    assert [row.id for row in store.run(tokens.list_tokens, None, TOKEN.id, 9)] == [WORKERS.id]
    store.run(tokens.touch, TOKEN.id)
    [own] = store.run(tokens.list_tokens, ANN.id, first_at(0), 9)
    assert own.last_used_at == store.now
    for token_id, whose in ((WORKERS.id, ANN.id), (ANN.id, None)):
        with pytest.raises(TokenNotFound):
            store.run(tokens.revoke, token_id, whose)
    store.run(tokens.revoke, TOKEN.id, ANN.id)
    store.run(tokens.revoke, WORKERS.id, None)
    assert store.run(tokens.list_tokens, None, first_at(0), 9) == []
    assert store.run(tokens.holder_by_id, TOKEN.id) is None
