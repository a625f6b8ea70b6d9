"""The clauses of a query as conditions over the rows of a window."""

from __future__ import annotations

from collections.abc import Sequence
from operator import eq, ge, gt, le, lt
from typing import Any

import sqlalchemy as sa

from tenure.domain.query import Clause, Compared, Field, Matching, Op, Query
from tenure.store import tables as t
from tenure.store.concealed import may_look_into
from tenure.store.dialect import Dialect
from tenure.store.tables_workflows import workflow_jobs

_LONGEST_GLOB = 1_000
"""Characters of a payload's value that a word with `*` is tried on."""
_OPERATORS = {Op.EQUAL: eq, Op.LESS: lt, Op.AT_MOST: le, Op.MORE: gt, Op.AT_LEAST: ge}
_OF_JOB: dict[Field, tuple[str, ...]] = {
    Field.TYPE: ("type",),
    Field.QUEUE: ("queue",),
    Field.NAME: ("name",),
    Field.TAG: ("tags",),
    Field.OWNER: ("owner_id",),
    Field.SCHEDULE: ("schedule_id",),
    Field.PRIORITY: ("priority",),
    Field.CREATED: ("created_at",),
    Field.PAYLOAD: ("payload", "type"),
    Field.TEXT: ("name", "type", "queue", "payload"),
}
_OF_END: dict[Field, str] = {
    Field.FINISHED: "finished_at",
    Field.REASON: "reason",
    Field.FINGERPRINT: "fingerprint",
}


def columns(query: Query) -> list[sa.ColumnElement[Any]]:
    """What the conditions read of a row, beside its id; of `jobs` and, by look-ups, of `runs`."""
    fields = {clause.field for clause in query.rest}
    names = {name for field in fields for name in _OF_JOB.get(field, ())}
    found: list[sa.ColumnElement[Any]] = [t.jobs.c[name] for name in sorted(names)]
    found += [_end(name).label(f"end_{name}") for field, name in _OF_END.items() if field in fields]
    if Field.REASON in fields:
        found.append(_waiting_reason().label("active_reason"))
    if Field.WORKFLOW in fields:
        found.append(_workflow().label("workflow_id"))
    if Field.ERROR in fields:
        found.append(_last_error().label("last_error"))
    return found


def _end(name: str) -> sa.ScalarSelect[Any]:
    r = t.runs.alias("ended_run").c
    final = r.final_state.is_not(None)
    return sa.select(r[name]).where(r.job_id == t.jobs.c.id, final).scalar_subquery()


def _waiting_reason() -> sa.ScalarSelect[Any]:
    a = t.active_jobs.alias("waiting_job").c
    return sa.select(a.reason).where(a.job_id == t.jobs.c.id).scalar_subquery()


def _workflow() -> sa.ScalarSelect[Any]:
    n = workflow_jobs.c
    return sa.select(n.workflow_id).where(n.job_id == t.jobs.c.id).scalar_subquery()


def _last_error() -> sa.ScalarSelect[Any]:
    r = t.runs.alias("last_run").c
    last = sa.select(r.error).where(r.job_id == t.jobs.c.id).order_by(r.fence.desc()).limit(1)
    return last.scalar_subquery()


def condition(dialect: Dialect, row: sa.CTE, clause: Clause) -> sa.ColumnElement[bool]:
    """A clause over a row of `columns`; never null."""
    if isinstance(clause, Compared):
        found = _compared(row, clause)
    elif isinstance(clause, Matching):
        found = _matching(dialect, row, clause)
    else:
        raise TypeError("states are read by the window itself")
    return sa.not_(sa.func.coalesce(found, sa.false())) if clause.negated else found


def _compared(row: sa.CTE, clause: Compared) -> sa.ColumnElement[bool]:
    name = _OF_JOB[clause.field][0] if clause.field in _OF_JOB else f"end_{_OF_END[clause.field]}"
    number = sa.literal(clause.number, t.Micros)
    found: sa.ColumnElement[bool] = _OPERATORS[clause.op](row.c[name], number)
    return found


def _matching(dialect: Dialect, row: sa.CTE, clause: Matching) -> sa.ColumnElement[bool]:
    c, words = row.c, clause.words
    match clause.field:
        case Field.TEXT:
            places = (c.name, c.type, c.queue)
            shown = sa.or_(*(contains(place, word[0]) for word in words for place in places))
            inside = sa.or_(*(contains(c.payload, word[0]) for word in words))
            return sa.or_(shown, sa.and_(may_look_into(c.type), inside))
        case Field.ERROR:
            parts = [dialect.json_text(c.last_error, [name]) for name in ("type", "message")]
            return sa.or_(*(contains(part, word[0]) for word in words for part in parts))
        case Field.TAG:
            tags = dialect.json_get(c.tags)
            one: Any = sa.select(sa.literal_column("1")).select_from(tags).correlate(row)
            return sa.exists(one.where(_fits(dialect, tags.c.value, words)))
        case Field.PAYLOAD:
            value = dialect.json_text(c.payload, clause.path)
            fits = _fits(dialect, value, words, _LONGEST_GLOB)
            return sa.and_(may_look_into(c.type, clause.path), fits)
        case Field.REASON:
            return _fits(dialect, sa.func.coalesce(c.active_reason, c.end_reason), words)
        case Field.FINGERPRINT:
            return _fits(dialect, c.end_fingerprint, words)
        case Field.ID | Field.OWNER | Field.WORKFLOW | Field.SCHEDULE:
            column = c.id if clause.field is Field.ID else c[f"{clause.field}_id"]
            return column.in_([word[0] for word in words])
        case _:
            return _fits(dialect, c[_OF_JOB[clause.field][0]], words)


def _fits(
    dialect: Dialect,
    value: sa.ColumnElement[Any],
    words: Sequence[tuple[str, ...]],
    longest: int | None = None,
) -> sa.ColumnElement[bool]:
    """Whether a text is one of the words."""
    whole = [word[0] for word in words if len(word) == 1]
    found: list[sa.ColumnElement[bool]] = [value.in_(whole)] if whole else []
    for word in words:
        if len(word) > 1:
            fits = dialect.glob(value, word)
            if longest is not None:
                fits = sa.case((sa.func.length(value) <= longest, fits), else_=sa.false())
            found.append(fits)
    return sa.or_(*found)


def contains(value: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    """Whether `text` is inside, without regard to case (ASCII letters at least)."""
    for special in "\\%_":
        text = text.replace(special, "\\" + special)
    pattern = sa.func.lower(sa.literal(f"%{text}%", t.Text))
    return sa.func.lower(value).like(pattern, escape="\\")
