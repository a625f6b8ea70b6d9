"""Settings of queues."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queues",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.BigInteger(), comment="null: it is not paused"),
        sa.Column("paused_by", sa.Text()),
        sa.Column("pause_reason", sa.Text()),
        sa.Column("max_running", sa.Integer()),
        sa.Column("rate_count", sa.Integer()),
        sa.Column("rate_interval", sa.BigInteger()),
        sa.Column(
            "rate_at",
            sa.BigInteger(),
            nullable=False,
            comment="when its bucket of tokens is full again",
        ),
        sa.Column(
            "aging",
            sa.BigInteger(),
            comment="the wait that counts as much as one step of priority",
        ),
        sa.Column(
            "counted",
            sa.Integer(),
            nullable=False,
            comment="0: jobs may run that do not bear their bit",
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_queues")),
        sqlite_with_rowid=False,
    )
    aging = sa.text("aging IS NOT NULL")
    op.create_index(
        "ix_queues_aging", "queues", ["name"], sqlite_where=aging, postgresql_where=aging
    )
