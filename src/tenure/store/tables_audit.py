"""The audit and the head of its chain. Migrations add triggers: lines are never changed."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.store.tables import Integer, Micros, Text, Uuid, metadata

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("at", Micros, nullable=False),
    sa.Column("action", Text, nullable=False),
    sa.Column("actor_id", Text, comment="null: nobody known, or the coordinator itself"),
    sa.Column("actor", Text, comment="the name then, or what somebody claimed to be called"),
    sa.Column("role", Text),
    sa.Column("token_id", Text),
    sa.Column("address", Text),
    sa.Column("target", Text, comment="the kind of thing it was done to"),
    sa.Column("target_id", Text),
    sa.Column("reason", Text),
    sa.Column("before", Text, comment="JSON"),
    sa.Column("after", Text, comment="JSON"),
    sa.Column("place", sa.BigInteger, comment="in the chain, from 1; null until chained"),
    sa.Column("digest", Text, comment="SHA-256 of the line and the digest before it"),
    sqlite_with_rowid=False,
)

UNCHAINED = audit.c.place.is_(None)

sa.Index("ix_audit_place", audit.c.place, unique=True)
sa.Index("ix_audit_unchained", audit.c.id, sqlite_where=UNCHAINED, postgresql_where=UNCHAINED)
sa.Index("ix_audit_target_id", audit.c.target_id, audit.c.id)

audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Column("digest", Text, nullable=False),
)
