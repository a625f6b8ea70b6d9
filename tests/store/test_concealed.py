"""Secret fields are kept by type, and filters do not look into them."""

from __future__ import annotations

import pytest

from tenure.domain.grammar import parse
from tenure.domain.ids import IdSource
from tenure.store import listing
from tenure.store.concealed import add, secret_fields
from tenure.store.submits import Submission, submit
from tests.builders import NOW, new_job
from tests.store.opened import OpenedStore


def _submitted(store: OpenedStore, payload: str) -> str:
    job = new_job(payload=payload, id=IdSource().one(NOW))
    store.run(submit, [Submission([job], NOW)])
    return job.id


def test_fields_are_noted_once(store: OpenedStore) -> None:
    store.run(add, [])
    assert store.run(secret_fields) == []
    fields = [("b", ("x", "*")), ("a", ()), ("b", ("a/b",))]
    store.run(add, fields)
    store.run(add, [*fields, ("a", ("new",))])
    assert sorted(store.run(secret_fields)) == sorted([*fields, ("a", ("new",))])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("payload.password:hunter2", False), ("payload.password:hunt*", False),
        ("not payload.password:other", True), ("payload.pass_word:hunter2", False),
        ("payload.user:ann", True), ("hunter2", False), ("hunter", False), ("echo", True),
        ("not hunter2", True), ("payload.auth.key:k*", False),
    ],
)  # fmt: skip
def test_nobody_guesses_a_secret_with_a_filter(store: OpenedStore, text: str, found: bool) -> None:
    payload = '{"password":"hunter2","pass_word":"hunter2","user":"ann","auth":{"key":"k1"}}'
    job_id = _submitted(store, payload)
    query = parse(text, NOW, "q")
    store.run(add, [("echo", ("password",)), ("echo", ("auth", "key"))])
    listed = store.run(listing.job_ids, query, None, 10)
    assert (job_id in listed.ids) is found


def test_payloads_of_other_types_are_found_as_before(store: OpenedStore) -> None:
    job_id = _submitted(store, '{"password":"hunter2"}')
    store.run(add, [("other", ("password",)), ("third", ())])
    for text in ("payload.password:hunter2", "payload.password:h*", "hunter2"):
        assert store.run(listing.job_ids, parse(text, NOW, "q"), None, 10).ids == [job_id]
