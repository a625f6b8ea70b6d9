"""Settings of queues, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.errors import PreconditionFailed, VersionConflict
from tenure.domain.queue import QueueRules, Rate
from tenure.store import queues
from tenure.store import tables as t
from tenure.store.control import Action
from tenure.store.queues import QueueEdit, QueueSettings, all_settings, settings_of
from tenure.store.unit import Unit
from tests.builders import WORKER
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, submitted

ANN = Action("ann", "why not")
RULES: dict[str, Any] = {"max_running": 3, "rate": Rate(10, SECOND), "aging": MINUTE}


def edit(store: OpenedStore, name: str = "mail", **told: Any) -> None:
    guard = {name: told.pop(name) for name in ("version", "if_match") if name in told}
    store.now += 1_000
    store.run(queues.edit, name, QueueEdit(told, **guard), ANN)


def found(store: OpenedStore, name: str = "mail") -> QueueSettings:
    return store.run(settings_of, name)


def happened(store: OpenedStore) -> list[tuple[Any, ...]]:
    e = t.events.c
    rows = store.rows(sa.select(e.event, e.actor, e.reason, e.job_id).order_by(e.at, e.id))
    return [tuple(row) for row in rows]


def test_a_queue_that_nobody_touched(store: OpenedStore) -> None:
    assert found(store) == QueueSettings("mail")
    assert found(store).version == 0
    assert store.run(all_settings) == []


def test_settings_are_kept_and_change_one_by_one(store: OpenedStore) -> None:
    edit(store, **RULES)
    assert found(store).rules == QueueRules(3, Rate(10, SECOND), MINUTE)
    store.now += SECOND
    edit(store, max_running=None)
    row = found(store)
    assert row.rules == QueueRules(None, Rate(10, SECOND), MINUTE)
    assert (row.version, row.updated_at) == (2, store.now)
    edit(store, "alpha", aging=SECOND)
    assert [row.name for row in store.run(all_settings)] == ["alpha", "mail"]
    assert happened(store) == [("queue_edit", "ann", "why not", None)] * 3


def test_an_edit_of_nothing_changes_nothing(store: OpenedStore) -> None:
    edit(store)
    assert found(store).version == 0
    assert happened(store) == []


def test_a_pause_is_kept_with_who_and_why(store: OpenedStore) -> None:
    edit(store, max_running=3)
    store.now += SECOND
    store.run(queues.pause, "mail", ANN)
    at = store.now
    store.now += SECOND
    store.run(queues.pause, "mail", Action("bob", "me too"))
    gate = found(store).gate
    assert (gate.paused_at, gate.paused_by, gate.pause_reason) == (at, "ann", "why not")
    assert (found(store).version, gate.rules.max_running) == (2, 3)
    edit(store, max_running=4)
    assert found(store).gate.paused
    store.now += SECOND
    store.run(queues.resume, "mail", Action("bob"))
    store.run(queues.resume, "mail", Action("bob"))
    gate = found(store).gate
    assert (gate.paused_at, gate.paused_by, gate.pause_reason) == (None, None, None)
    assert (found(store).version, gate.rules.max_running) == (4, 4)
    assert [row[0] for row in happened(store)] == [
        "queue_edit", "queue_pause", "queue_edit", "queue_resume",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("guard", "error"),
    [({"version": 2}, VersionConflict), ({"if_match": frozenset({0, 2})}, PreconditionFailed)],
)
def test_who_looked_at_another_version_is_refused(
    store: OpenedStore, guard: dict[str, Any], error: type[Exception]
) -> None:
    edit(store, max_running=3)
    with pytest.raises(error, match="version 1"):
        edit(store, max_running=4, **guard)
    edit(store, max_running=5, version=1, if_match=frozenset({1}))
    assert found(store).rules.max_running == 5


def test_nobody_set_anything_is_version_0(store: OpenedStore) -> None:
    with pytest.raises(VersionConflict):
        edit(store, max_running=4, version=1)
    edit(store, max_running=4, version=0)
    assert found(store).version == 1


def test_unset_takes_all_away_but_no_version_comes_twice(store: OpenedStore) -> None:
    edit(store, **RULES)
    store.now += 1_000
    store.run(queues.pause, "mail", ANN)
    store.now += 1_000
    with pytest.raises(PreconditionFailed):
        store.run(queues.unset, "mail", QueueEdit(if_match=frozenset({1})), ANN)
    for _ in range(2):
        store.run(queues.unset, "mail", QueueEdit(), ANN)
    row = found(store)
    assert (row.rules, row.gate.paused, row.version) == (QueueRules(), False, 3)
    assert store.run(all_settings) == []
    assert [event for event, *_ in happened(store)] == ["queue_edit", "queue_pause", "queue_unset"]


def test_use_is_counted(store: OpenedStore) -> None:
    edit(store, "default", max_running=2)
    submitted(store, 3)
    claimed(store, WORKER)
    assert found(store, "default").gate.in_use == 2
    assert [row.gate.in_use for row in store.run(all_settings)] == [2]


CHANGES: dict[str, Callable[[Unit], None]] = {
    "raised": lambda unit: queues.edit(unit, "mail", QueueEdit({"max_running": 9}), ANN),
    "resumed": lambda unit: queues.resume(unit, "mail", ANN),
    "unset": lambda unit: queues.unset(unit, "mail", QueueEdit(), ANN),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_opens_a_queue_wakes_who_waits(store: OpenedStore, change: str) -> None:
    edit(store, max_running=1)
    if change == "resumed":
        store.run(queues.pause, "mail", ANN)
        assert store.last is not None
        assert store.last.freed["mail"] == 0
    store.run(CHANGES[change])
    assert store.last is not None
    assert store.last.freed["mail"] > 0
