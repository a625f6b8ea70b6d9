"""Events on both databases."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.domain.ids import is_id
from tenure.store import tables as t
from tenure.store.events import Happening, record
from tests.builders import NOW
from tests.store.opened import OpenedStore

JOB = "0193474a-0000-7000-8000-0000000000aa"


def test_events_of_one_call_keep_their_order(store: OpenedStore) -> None:
    store.run(
        record,
        [
            Happening("pause", JOB, "ann", "why not"),
            Happening("expire_lease", JOB, reason="lost", detail={"fence": 2**53, "x": "ü"}),
            Happening("worker_lost"),
        ],
    )
    rows = store.rows(sa.select(t.events).order_by(t.events.c.id))
    assert [tuple(row)[1:] for row in rows] == [
        (JOB, NOW, "pause", "ann", "why not", None),
        (JOB, NOW, "expire_lease", None, "lost", '{"fence":9007199254740992,"x":"ü"}'),
        (None, NOW, "worker_lost", None, None, None),
    ]
    assert all(is_id(row.id) for row in rows)


def test_no_events_is_no_statement(store: OpenedStore) -> None:
    store.run(record, [])
    assert store.rows(sa.select(t.events)) == []
