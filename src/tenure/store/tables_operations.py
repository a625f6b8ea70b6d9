"""The table of operations: what a person asked to be done to every job of a filter."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.store.tables import Integer, Micros, Text, Uuid, metadata

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("action", Text, nullable=False),
    sa.Column("filter", Text, nullable=False, comment="as it was given"),
    sa.Column("queue", Text, comment="requeue: where to"),
    sa.Column("priority", Integer, comment="priority: which"),
    sa.Column("state", Text, nullable=False),
    sa.Column("phase", Text, nullable=False),
    sa.Column("canary_job_id", Uuid),
    sa.Column("actor", Text),
    sa.Column("reason", Text),
    sa.Column("owner_id", Uuid),
    sa.Column("expected", Integer, nullable=False, comment="jobs counted beforehand"),
    sa.Column("counted_all", Integer, nullable=False, comment="0: there are more than expected"),
    sa.Column("cursor", Uuid, nullable=False, comment="jobs below this id are still to come"),
    sa.Column("done", Integer, nullable=False),
    sa.Column("refused", Integer, nullable=False),
    sa.Column("last_error", Text, comment="why the last refused job was refused"),
    sa.Column("note", Text, comment="why it ended before its time"),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("finished_at", Micros),
    sa.Column("only_owner_id", Uuid, comment="whose jobs it acts on; null: everybody's"),
    sa.Column("scripts", Integer, nullable=False, comment="1: it may run script jobs again"),
    sqlite_with_rowid=False,
)

OWNED = operations.c.owner_id.is_not(None)
GOING = operations.c.state == sa.literal_column("'running'")

sa.Index("ix_operations_going", operations.c.id, sqlite_where=GOING, postgresql_where=GOING)
sa.Index(
    "ix_operations_owner_id",
    operations.c.owner_id,
    operations.c.id,
    sqlite_where=OWNED,
    postgresql_where=OWNED,
)
sa.Index("ix_operations_finished_at", operations.c.finished_at)
