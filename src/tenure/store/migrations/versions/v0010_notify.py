"""Notifications: outbox, channels, rules, deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_UUID = sa.Uuid(as_uuid=False).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    _outbox()
    _channels()
    _rules()
    _deliveries()


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("subject_id", _UUID, nullable=False, comment="of the job, workflow, ..."),
        sa.Column("detail", sa.Text(), comment="JSON object"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_with_rowid=False,
    )


def _channels() -> None:
    op.create_table(
        "channels",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False, comment="URL, or addresses with commas"),
        sa.Column("secret", sa.Text(), comment="webhooks: whsec_..."),
        sa.Column("old_secret", sa.Text()),
        sa.Column("old_secret_until", sa.BigInteger()),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.Column("disabled_reason", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_channels_name", "channels", ["name"], unique=True)


def _rules() -> None:
    op.create_table(
        "rules",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), comment="as it was given"),
        sa.Column("channel_ids", sa.Text(), nullable=False, comment="JSON array"),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("window_span", sa.BigInteger(), nullable=False),
        sa.Column("cool_down", sa.BigInteger(), nullable=False),
        sa.Column("recovery", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("hits", sa.Text(), nullable=False, comment="JSON array of instants not told yet"),
        sa.Column("last_hit", sa.BigInteger()),
        sa.Column("told_at", sa.BigInteger()),
        sa.Column("suppressed", sa.Integer(), nullable=False),
        sa.Column("recovers_at", sa.BigInteger(), comment="null: nothing to recover from"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_rules_name", "rules", ["name"], unique=True)


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", _UUID, nullable=False, comment="the same for every attempt"),
        sa.Column("channel_id", _UUID, nullable=False),
        sa.Column("rule", sa.Text(), comment="its name then; null: a test"),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON, sent byte for byte"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "next_at", sa.BigInteger(), nullable=False, comment="while pending: when to try (again)"
        ),
        sa.Column("status", sa.Integer(), comment="of the last answer"),
        sa.Column("response", sa.Text(), comment="the beginning of the last answer"),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sqlite_with_rowid=False,
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "ix_deliveries_next_at",
        "deliveries",
        ["next_at"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
    op.create_index("ix_deliveries_channel_id", "deliveries", ["channel_id", "id"])
    op.create_index("ix_deliveries_finished_at", "deliveries", ["finished_at"])
