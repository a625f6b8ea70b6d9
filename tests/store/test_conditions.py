"""Every kind of clause over real rows, on both databases."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import MINUTE
from tenure.domain.grammar import parse
from tenure.domain.run import Outcome
from tenure.store import control, listing
from tenure.store import tables as t
from tenure.store.control import Action
from tests.builders import NOW, OTHER_WORKER, WORKER, report
from tests.store.graphs import WORKFLOW, flow
from tests.store.opened import OpenedStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, ended, submitted

OWNER = OTHER_WORKER


def found(store: OpenedStore, text: str) -> list[str]:
    """The ids that a filter shows, oldest first."""
    page = store.run(listing.job_ids, parse(text, store.now), None, 100)
    assert page.next is None
    return page.ids[::-1]


def one(store: OpenedStore, payload: str = "{}", owner: str | None = None, **changes: Any) -> str:
    [job_id] = submitted(store, 1, **changes)
    values = {"payload": payload, "owner_id": owner}
    store.execute(sa.update(t.jobs).where(t.jobs.c.id == job_id).values(**values))
    return job_id


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("type:echo", ["a", "b"]),
        ("type:*_mail", ["c", "d"]),
        ("type:Send_*", []),
        ("type:s*_m*", ["c", "d"]),
        ("type:send_*,echo", ["a", "b", "c", "d"]),
        ("not type:send_*", ["a", "b"]),
        ("queue:m*", ["b"]),
        ("not queue:default", ["b"]),
        ("name:n*", ["d"]),
        ("not name:n*", ["a", "b", "c"]),
        ("tag:red", ["a"]),
        ("tag:re*,[x]?", ["a", "b", "c"]),
        ('tag:"re*"', ["c"]),
        ("tag:[x]*", ["c"]),
        ("not tag:red", ["b", "c", "d"]),
        ("tag:*", ["a", "b", "c"]),
        ("priority:>=5", ["c", "d"]),
        ("priority:-3 not priority:>0", ["b"]),
        (f"owner:{OWNER}", ["a"]),
        (f"not owner:{OWNER}", ["b", "c", "d"]),
        ("%", []),
        ("mail", ["b", "c", "d"]),
        ("mail not name:*", ["b", "c"]),
        ("type:send_mail queue:default tag:re*", ["c"]),
    ],
)
def test_clauses_about_what_was_asked(store: OpenedStore, text: str, names: list[str]) -> None:
    jobs = {
        "a": one(store, tags=("red", "x"), owner=OWNER),
        "b": one(store, tags=("redder",), queue="mail", priority=-3),
        "c": one(store, type_="send_mail", tags=("re*", "[x]?"), priority=5),
        "d": one(store, type_="send_mail", name="n_1", priority=6),
    }
    assert found(store, text) == [jobs[name] for name in names]


PAYLOADS = {
    "number": '{"user": {"id": 42, "n": 1.10, "big": 1e400}}',
    "text": '{"user": {"id": "42", "n": "\\u00e9\\"x"}}',
    "null": '{"user": {"id": null, "ok": true}}',
    "array": '{"user": [{"id": 42}], "0": {"id": 1}}',
    "scalar": "42",
    "words": '"' + "ab " * 400 + '"',
    "deep": '{"user": ' + "[" * 900 + "]" * 900 + "}",
}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("payload.user.id:42", ["number", "text"]),
        ("payload.user.id:4*", ["number", "text"]),
        ("payload.user.id:null", ["null"]),
        ("payload.user.id:*", ["number", "text", "null"]),
        ("not payload.user.id:*", ["array", "scalar", "words", "deep"]),
        ("payload.user.n:1.10", ["number"]),
        ("payload.user.big:1e400", ["number"]),
        ('payload.user.n:"é\\"x"', ["text"]),
        ("payload.user.ok:true,false", ["null"]),
        ("payload.0.id:1", ["array"]),
        ("payload.user.0.id:42", []),
        ("payload:42", ["scalar"]),
        ("payload:ab*", []),
        ("payload.user.id.x:1", []),
        ("payload.$:1", []),
    ],
)
def test_clauses_about_the_payload(store: OpenedStore, text: str, names: list[str]) -> None:
    jobs = {name: one(store, payload) for name, payload in PAYLOADS.items()}
    assert found(store, text) == [jobs[name] for name in names]


def in_every_end(store: OpenedStore) -> dict[str, str]:
    """A job that failed for good, one that waits after a failure, one that completed after a
    failure, one cancelled later, one that never ran."""
    jobs = {name: submitted(store, 1)[0] for name in ("failed", "backoff", "completed")}
    claimed(store, WORKER)
    error = json.dumps({"type": "TimeoutError", "message": 'No "answer" 100%', "traceback": "é"})
    bad: dict[str, Any] = {"outcome": Outcome.FAILED, "error": error}
    ended(
        store,
        report(jobs["failed"], retryable=False, **bad),
        report(jobs["backoff"], **bad),
        report(jobs["completed"], retry_after_seconds=0, **bad),
    )
    claimed(store, WORKER)
    ended(store, report(jobs["completed"], 2))
    store.now += 10 * MINUTE
    jobs["cancelled"] = submitted(store, 1)[0]
    store.run(control.cancel, jobs["cancelled"], Action())
    jobs["waiting"] = submitted(store, 1, run_at=NOW + 60 * MINUTE)[0]
    return jobs


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("error:timeouterror", ["failed", "backoff"]),
        ('error:"\\"ANSWER\\" 100%"', ["failed", "backoff"]),
        ("error:é", []),
        ("error:nothing,no", ["failed", "backoff"]),
        ("not error:answer", ["completed", "cancelled", "waiting"]),
        ("reason:non_retryable", ["failed"]),
        ("reason:backoff,run_*", ["backoff", "waiting"]),
        ("not reason:*", ["completed", "cancelled"]),
        ("finished:>5m", ["failed", "completed"]),
        ("finished:<5m", ["cancelled"]),
        ("not finished:>5m", ["backoff", "cancelled", "waiting"]),
        ("created:>5m", ["failed", "backoff", "completed"]),
        ("created:<5m", ["cancelled", "waiting"]),
        ("created:<3h created:>2h", []),
        ("status:dead,stopped", ["failed", "cancelled"]),
        ("not status:failed,scheduled error:x", []),
        ("status:failed status:pending", []),
    ],
)
def test_clauses_about_what_happened(store: OpenedStore, text: str, names: list[str]) -> None:
    jobs = in_every_end(store)
    assert found(store, text) == [jobs[name] for name in names]


def test_named_ids(store: OpenedStore) -> None:
    ids = submitted(store, 5)
    assert found(store, f"id:{ids[3]},{ids[1]}") == [ids[1], ids[3]]
    assert found(store, f"not id:{ids[3]},{ids[1]}") == [ids[0], ids[2], ids[4]]


def test_a_filter_never_reads_a_whole_table(store: OpenedStore) -> None:
    in_every_end(store)
    every = (
        f"type:e* queue:default not tag:x name:n reason:b* owner:{OWNER} priority:>1 created:<2h"
        ' error:"x" payload.a.b:1 word'
    )
    for text in (every, f"status:failed finished:<1h {every}", f"status:pending,running {every}"):
        query = parse(text, store.now)
        no_whole_table(store, partial(listing.job_ids, query=query, after=None, limit=50))


def test_a_filter_examines_a_bounded_number_of_rows(store: OpenedStore) -> None:
    [old] = submitted(store, 1)
    store.execute(sa.update(t.jobs).values(payload='{"rare": 1}'))
    submitted(store, listing.MAX_EXAMINED)
    query = parse("payload.rare:1", store.now)
    first = store.run(listing.job_ids, query, None, 50)
    assert first.ids == []
    assert first.next is not None
    second = store.run(listing.job_ids, query, first.next, 50)
    assert second == listing.Listed([old], None)


def test_jobs_of_a_workflow_and_of_a_schedule(store: OpenedStore) -> None:
    members = flow(store, {"a": "", "b": "a"})
    plain = one(store)
    fired = one(store)
    store.execute(sa.update(t.jobs).where(t.jobs.c.id == fired).values(schedule_id=OWNER))
    assert found(store, f"workflow:{WORKFLOW}") == [members["a"], members["b"]]
    assert found(store, f"not workflow:{WORKFLOW} not schedule:{OWNER}") == [plain]
    assert found(store, f"schedule:{OWNER}") == [fired]
    text = f"workflow:{WORKFLOW} schedule:{OWNER}"
    query = parse(text, store.now)
    no_whole_table(store, partial(listing.job_ids, query=query, after=None, limit=50))
