"""Tables of uniqueness and limits."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.store.tables import Integer, Micros, Text, Uuid, metadata

unique_keys = sa.Table(
    "unique_keys",
    metadata,
    sa.Column("owner", Text, primary_key=True, comment="empty for the local Admin"),
    sa.Column("key", Text, primary_key=True),
    sa.Column("job_id", Uuid, nullable=False, comment="the job it belongs to"),
    sa.Column("scope", Text, nullable=False, comment="active, window or forever"),
    sa.Column("until", Micros, comment="end of a window; from then on anyone may take the key"),
    sqlite_with_rowid=False,
)
sa.Index("ix_unique_keys_job_id", unique_keys.c.job_id)

LAPSING = unique_keys.c.until.is_not(None)
sa.Index(
    "ix_unique_keys_until",
    unique_keys.c.until,
    sqlite_where=LAPSING,
    postgresql_where=LAPSING,
)

limits = sa.Table(
    "limits",
    metadata,
    sa.Column("key", Text, primary_key=True, comment="a concurrency key"),
    sa.Column("max_running", Integer, nullable=False),
    sa.Column("updated_at", Micros, comment="null: nobody set it, it is here to be locked"),
    sqlite_with_rowid=False,
)
