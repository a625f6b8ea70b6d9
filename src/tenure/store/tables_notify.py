"""The tables of notifications: what happened, who is to be told, and what was sent."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.store.tables import Integer, Micros, Text, Uuid, metadata

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("at", Micros, nullable=False),
    sa.Column("topic", Text, nullable=False),
    sa.Column("subject_id", Uuid, nullable=False, comment="of the job, workflow, ..."),
    sa.Column("detail", Text, comment="JSON object"),
    sqlite_with_rowid=False,
)

channels = sa.Table(
    "channels",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("target", Text, nullable=False, comment="URL, or addresses with commas"),
    sa.Column("secret", Text, comment="webhooks: whsec_..."),
    sa.Column("old_secret", Text),
    sa.Column("old_secret_until", Micros),
    sa.Column("disabled_at", Micros),
    sa.Column("disabled_reason", Text),
    sa.Column("created_at", Micros, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("ix_channels_name", channels.c.name, unique=True)

rules = sa.Table(
    "rules",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("topic", Text, nullable=False),
    sa.Column("filter", Text, comment="as it was given"),
    sa.Column("channel_ids", Text, nullable=False, comment="JSON array"),
    sa.Column("threshold", Integer, nullable=False),
    sa.Column("window_span", Micros, nullable=False),
    sa.Column("cool_down", Micros, nullable=False),
    sa.Column("recovery", Integer, nullable=False),
    sa.Column("enabled", Integer, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("hits", Text, nullable=False, comment="JSON array of instants not told yet"),
    sa.Column("last_hit", Micros),
    sa.Column("told_at", Micros),
    sa.Column("suppressed", Integer, nullable=False),
    sa.Column("recovers_at", Micros, comment="null: nothing to recover from"),
    sqlite_with_rowid=False,
)
sa.Index("ix_rules_name", rules.c.name, unique=True)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", Uuid, primary_key=True, comment="the same for every attempt"),
    sa.Column("channel_id", Uuid, nullable=False),
    sa.Column("rule", Text, comment="its name then; null: a test"),
    sa.Column("topic", Text, nullable=False),
    sa.Column("body", Text, nullable=False, comment="JSON, sent byte for byte"),
    sa.Column("state", Text, nullable=False),
    sa.Column("attempts", Integer, nullable=False),
    sa.Column("next_at", Micros, nullable=False, comment="while pending: when to try (again)"),
    sa.Column("status", Integer, comment="of the last answer"),
    sa.Column("response", Text, comment="the beginning of the last answer"),
    sa.Column("error", Text),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("finished_at", Micros),
    sqlite_with_rowid=False,
)
PENDING = deliveries.c.state == sa.literal_column("'pending'")
sa.Index(
    "ix_deliveries_next_at", deliveries.c.next_at, sqlite_where=PENDING, postgresql_where=PENDING
)
sa.Index("ix_deliveries_channel_id", deliveries.c.channel_id, deliveries.c.id)
sa.Index("ix_deliveries_finished_at", deliveries.c.finished_at)
