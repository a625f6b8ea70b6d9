"""The table of queues that somebody has set something for."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.store.tables import Integer, Micros, Text, metadata

queues = sa.Table(
    "queues",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("paused_at", Micros, comment="null: it is not paused"),
    sa.Column("paused_by", Text),
    sa.Column("pause_reason", Text),
    sa.Column("max_running", Integer),
    sa.Column("rate_count", Integer),
    sa.Column("rate_interval", Micros),
    sa.Column("rate_at", Micros, nullable=False, comment="when its bucket of tokens is full again"),
    sa.Column("aging", Micros, comment="the wait that counts as much as one step of priority"),
    sa.Column(
        "counted", Integer, nullable=False, comment="0: jobs may run that do not bear their bit"
    ),
    sa.Column("version", Integer, nullable=False),
    sa.Column("updated_at", Micros, nullable=False),
    sqlite_with_rowid=False,
)

PAUSED = queues.c.paused_at.is_not(None)
GOVERNED = sa.or_(
    PAUSED,
    queues.c.max_running.is_not(None),
    queues.c.rate_count.is_not(None),
)
"""A claim has to look at the queue's row."""
AGING = queues.c.aging.is_not(None)

sa.Index("ix_queues_aging", queues.c.name, sqlite_where=AGING, postgresql_where=AGING)
