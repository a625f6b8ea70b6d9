"""The outbox: what somebody is to be told of, written with what happened.

`Unit.watched` names the topics that rules are about. It is empty while there is no rule, and then
nothing here costs anything; it is up to a second old in other coordinators than the one that was
told of a new rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from tenure.domain.ids import IdSource
from tenure.domain.notification import OF_STATE, Topic
from tenure.store import tables_notify as n
from tenure.store.dialect import Dialect
from tenure.store.unit import Ended, Unit, json_text

Subject = tuple[str, Mapping[str, Any] | None]
"""The id of what it happened to, and what is to be said of it."""


def note_ended(unit: Unit, jobs: Sequence[Ended]) -> None:
    """Note the ends that are watched."""
    watched = unit.watched
    unit.happened += [
        (OF_STATE[state].value, job_id, None)
        for job_id, state, _ in jobs
        if state in OF_STATE and OF_STATE[state] in watched
    ]


def note(unit: Unit, topic: Topic, subjects: Iterable[Subject]) -> None:
    """Note what happened, if it is watched."""
    if topic in unit.watched:
        unit.happened += [
            (topic.value, subject_id, None if detail is None else json_text(detail))
            for subject_id, detail in subjects
        ]


def post(unit: Unit) -> None:
    """Write what was noted, in one statement, at the end of the transaction. Locks nothing."""
    if not unit.happened:
        return
    ids = IdSource().make(unit.now, len(unit.happened))
    rows = [(id_, unit.now, *what) for id_, what in zip(ids, unit.happened, strict=True)]
    unit.execute(_insert(unit.dialect), rows)


@cache
def _insert(dialect: Dialect) -> sa.Executable:
    c = n.outbox.c
    columns = (c.id, c["at"], c.topic, c.subject_id, c.detail)
    batch = dialect.batch(*columns)
    return sa.insert(n.outbox).from_select([column.name for column in columns], sa.select(*batch.c))
