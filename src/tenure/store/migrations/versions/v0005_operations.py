"""Operations: one action on every job of a filter."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None

_UUID = sa.Uuid(as_uuid=False).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "operations",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False, comment="as it was given"),
        sa.Column("queue", sa.Text(), comment="requeue: where to"),
        sa.Column("priority", sa.Integer(), comment="priority: which"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("canary_job_id", _UUID),
        sa.Column("actor", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("owner_id", _UUID),
        sa.Column("expected", sa.Integer(), nullable=False, comment="jobs counted beforehand"),
        sa.Column(
            "counted_all", sa.Integer(), nullable=False, comment="0: there are more than expected"
        ),
        sa.Column("cursor", _UUID, nullable=False, comment="jobs below this id are still to come"),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), comment="why the last refused job was refused"),
        sa.Column("note", sa.Text(), comment="why it ended before its time"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("only_owner_id", _UUID, comment="whose jobs it acts on; null: everybody's"),
        sa.Column(
            "scripts", sa.Integer(), nullable=False, comment="1: it may run script jobs again"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_operations_going",
        "operations",
        ["id"],
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_operations_owner_id",
        "operations",
        ["owner_id", "id"],
        sqlite_where=sa.text("owner_id IS NOT NULL"),
        postgresql_where=sa.text("owner_id IS NOT NULL"),
    )
    op.create_index("ix_operations_finished_at", "operations", ["finished_at"])
