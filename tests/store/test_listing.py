"""Lists of jobs on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import SECOND
from tenure.domain.lifecycle import JobState as S
from tenure.domain.query import Clause, Field, InStates, Query, exact
from tenure.domain.run import Outcome
from tenure.store import control, listing
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.listing import Listed
from tests.builders import NOW, WORKER, report
from tests.store.opened import OpenedStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, ended, submitted


def page(
    store: OpenedStore, limit: int = 50, after: str | None = None, skip: int = 0, **wanted: Any
) -> Listed:
    return store.run(listing.job_ids, asked(**wanted), after, limit, skip)


def asked(states: Iterable[S] = (), text: str | None = None, **exactly: str) -> Query:
    """What the plain parameters of a list and a word to find ask."""
    clauses: list[Clause] = [exact(Field(name), value) for name, value in exactly.items()]
    if chosen := frozenset(states):
        clauses.append(InStates(chosen))
    if text is not None:
        clauses.append(exact(Field.TEXT, text))
    return Query(tuple(clauses))


def in_every_state(store: OpenedStore) -> dict[S, list[str]]:
    """Twelve jobs: two in each of six states, in this order of id."""
    found: dict[S, list[str]] = {}
    found[S.COMPLETED] = submitted(store, 2)
    claimed(store, WORKER)
    ended(store, *(report(job_id) for job_id in found[S.COMPLETED]))
    found[S.FAILED] = submitted(store, 2, max_attempts=1)
    claimed(store, WORKER)
    ended(store, *(report(i, outcome=Outcome.FAILED) for i in found[S.FAILED]))
    found[S.CANCELLED] = submitted(store, 2)
    for job_id in found[S.CANCELLED]:
        store.run(control.cancel, job_id, Action())
    found[S.RUNNING] = submitted(store, 2)
    claimed(store, WORKER)
    found[S.SCHEDULED] = submitted(store, 2, run_at=NOW + SECOND)
    found[S.PENDING] = submitted(store, 2)
    found[S.PAUSED] = submitted(store, 2)
    for job_id in found[S.PAUSED]:
        store.run(control.pause, job_id, Action())
    return found


def test_every_choice_of_states_shows_exactly_its_jobs(store: OpenedStore) -> None:
    jobs = in_every_state(store)
    chosen: list[set[S]] = [{state} for state in S]
    chosen += [set(), {S.FAILED, S.CANCELLED}, {S.PENDING, S.RUNNING, S.SCHEDULED}]
    chosen += [{S.PENDING, S.PAUSED}, {S.RUNNING, S.COMPLETED}, {S.FAILED, S.PENDING}, set(S)]
    for states in chosen:
        wanted = [i for state in (states or set(S)) for i in jobs.get(state, [])]
        assert page(store, states=states) == Listed(sorted(wanted, reverse=True), None), states


def test_pages_follow_each_other_without_gap_or_repeat(store: OpenedStore) -> None:
    in_every_state(store)
    whole = page(store).ids
    for states in ((), (S.FAILED, S.CANCELLED), (S.COMPLETED, S.PENDING), (S.PAUSED, S.PENDING)):
        all_ids = page(store, states=states).ids
        for limit in (1, 3, len(all_ids), len(all_ids) + 1):
            walked: list[str] = []
            after = None
            for _ in range(len(whole) + 1):
                part = page(store, limit, after, states=states)
                walked += part.ids
                after = part.next
                if after is None:
                    break
            assert walked == all_ids
            assert after is None


def test_an_exact_page_has_no_next(store: OpenedStore) -> None:
    submitted(store, 3)
    assert page(store, 3).next is None
    assert page(store, 3, states=(S.PENDING,)).next is None
    assert page(store, 2).next is not None


def test_skipping_gives_the_page_of_that_number(store: OpenedStore) -> None:
    ids = submitted(store, 7)[::-1]
    assert page(store, 3, skip=3).ids == ids[3:6]
    assert page(store, 3, skip=6) == Listed(ids[6:], None)
    assert page(store, 3, skip=9) == Listed([], None)


def test_queue_type_and_tag_narrow_the_list(store: OpenedStore) -> None:
    [plain] = submitted(store, 1)
    [mail] = submitted(store, 1, queue="mail", tags=("red", "50%"))
    [other] = submitted(store, 1, "other", tags=("redder",))
    assert page(store, queue="mail").ids == [mail]
    assert page(store, type="other").ids == [other]
    assert page(store, tag="red").ids == [mail]
    assert page(store, tag="50%").ids == [mail]
    assert page(store, tag="5").ids == []
    assert page(store, type="echo", queue="default").ids == [plain]
    assert page(store, states=(S.PENDING,), queue="default", type="echo").ids == [plain]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("INVOICE", ["name"]),
        ("mail", ["queue"]),
        ("oTh", ["type"]),
        ("needle", ["payload"]),
        ("100%", ["percent"]),
        ("a_b", ["under"]),
        ("back\\\\slash", ["back"]),
        ("%", ["percent"]),
        ("'; drop", []),
    ],
)
def test_text_is_found_in_name_type_queue_and_payload(
    store: OpenedStore, text: str, found: list[str]
) -> None:
    jobs: dict[str, dict[str, Any]] = {
        "name": {"name": "Monthly invoice"},
        "queue": {"queue": "mail"},
        "type": {"type_": "other"},
        "payload": {"payload": json.dumps({"x": ["NEEDLE"]})},
        "percent": {"payload": '"100%"'},
        "nearly": {"payload": '"1000, axb"'},
        "under": {"payload": '"a_b"'},
        "back": {"payload": json.dumps("back\\slash")},
    }
    ids = {word: one(store, **changes) for word, changes in jobs.items()}
    assert page(store, text=text).ids == [ids[word] for word in reversed(found)]


def one(store: OpenedStore, payload: str = "{}", **changes: Any) -> str:
    [job_id] = submitted(store, 1, **changes)
    store.execute(sa.update(t.jobs).where(t.jobs.c.id == job_id).values(payload=payload))
    return job_id


def test_deleted_jobs_are_not_listed(store: OpenedStore) -> None:
    first, second = submitted(store, 2)
    store.run(control.delete, second, Action())
    assert page(store) == Listed([first], None)
    assert page(store, states=(S.CANCELLED,)).ids == []


def test_a_page_examines_a_bounded_number_of_rows(store: OpenedStore) -> None:
    [old] = submitted(store, 1, "other")
    submitted(store, listing.MAX_EXAMINED)
    first = page(store, type="other")
    assert first.ids == []
    assert first.next is not None
    assert page(store, type="other", after=first.next) == Listed([old], None)


def test_few_among_many_are_found_by_their_index(store: OpenedStore) -> None:
    [running] = submitted(store, 1, "other")
    claimed(store, WORKER)
    submitted(store, listing.MAX_EXAMINED)
    assert page(store, states=(S.RUNNING,)) == Listed([running], None)
    many = page(store, states=(S.PENDING, S.RUNNING))
    assert len(many.ids) == 50
    assert many.next == many.ids[-1]


def test_a_page_is_bounded_in_bytes(store: OpenedStore) -> None:
    size = listing.MAX_PAGE_BYTES // 4 + 1
    ids = [one(store, payload='"' + "x" * size + '"') for _ in range(5)][::-1]
    first = page(store)
    assert first == Listed(ids[:3], ids[2])
    assert page(store, after=first.next) == Listed(ids[3:], None)
    huge = one(store, payload='"' + "x" * 4 * size + '"')
    assert page(store, 2) == Listed([huge], huge)


def test_lists_read_indexes_only(store: OpenedStore) -> None:
    jobs = in_every_state(store)
    chosen = [{state} for state in jobs] + [set(), {S.FAILED, S.CANCELLED}, {S.PAUSED, S.RUNNING}]
    for states in chosen:
        wanted = asked(states, "x", queue="default", type="echo", tag="red")
        no_whole_table(store, partial(listing.job_ids, query=wanted, after=None, limit=50))
