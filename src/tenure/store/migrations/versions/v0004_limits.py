"""Unique keys and limits of concurrency keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

_UUID = sa.Uuid(as_uuid=False).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "unique_keys",
        sa.Column("owner", sa.Text(), nullable=False, comment="empty for the local Admin"),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("job_id", _UUID, nullable=False, comment="the job it belongs to"),
        sa.Column("scope", sa.Text(), nullable=False, comment="active, window or forever"),
        sa.Column(
            "until",
            sa.BigInteger(),
            comment="end of a window; from then on anyone may take the key",
        ),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_unique_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_unique_keys_job_id", "unique_keys", ["job_id"], unique=False)
    lapsing = sa.text("until IS NOT NULL")
    op.create_index(
        "ix_unique_keys_until",
        "unique_keys",
        ["until"],
        unique=False,
        sqlite_where=lapsing,
        postgresql_where=lapsing,
    )
    op.create_table(
        "limits",
        sa.Column("key", sa.Text(), nullable=False, comment="a concurrency key"),
        sa.Column("max_running", sa.Integer(), nullable=False),
        sa.Column(
            "updated_at", sa.BigInteger(), comment="null: nobody set it, it is here to be locked"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_limits")),
        sqlite_with_rowid=False,
    )
