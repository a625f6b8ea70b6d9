"""Recurring jobs and the ledger of what became of their times."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0005"
branch_labels = None
depends_on = None

_UUID = sa.Uuid(as_uuid=False).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    _schedules()
    _fires()


def _schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("rules", sa.Text(), nullable=False, comment="ScheduleRules as JSON"),
        sa.Column("job", sa.Text(), comment="JobSpec as JSON; null for a workflow"),
        sa.Column("payload", sa.Text()),
        sa.Column("workflow", sa.Text(), comment="WorkflowTemplate as JSON"),
        sa.Column("owner_id", _UUID),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("paused_at", sa.BigInteger()),
        sa.Column("paused_by", sa.Text()),
        sa.Column("pause_reason", sa.Text()),
        sa.Column(
            "paused_until", sa.BigInteger(), comment="times up to here passed while it was paused"
        ),
        sa.Column("next_nominal_at", sa.BigInteger(), comment="null at its end"),
        sa.Column("next_fire_at", sa.BigInteger(), comment="null while nothing is to fire"),
        sa.Column("last_fired_at", sa.BigInteger()),
        sa.Column("stretch_at", sa.BigInteger(), comment="the fires row that may still grow"),
        sa.Column("stretch_outcome", sa.Text()),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_schedules_next_fire_at",
        "schedules",
        ["next_fire_at", "id"],
        unique=False,
        sqlite_where=sa.text("next_fire_at IS NOT NULL"),
        postgresql_where=sa.text("next_fire_at IS NOT NULL"),
    )
    op.create_index(
        "ix_schedules_name_id",
        "schedules",
        ["name", "id"],
        unique=False,
        sqlite_where=sa.text("name IS NOT NULL AND deleted_at IS NULL"),
        postgresql_where=sa.text("name IS NOT NULL AND deleted_at IS NULL"),
    )
    op.create_index(
        "ix_schedules_deleted_at",
        "schedules",
        ["deleted_at"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NOT NULL"),
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
    owned = sa.text("owner_id IS NOT NULL AND deleted_at IS NULL")
    op.create_index(
        "ix_schedules_owner_id",
        "schedules",
        ["owner_id", "id"],
        unique=False,
        sqlite_where=owned,
        postgresql_where=owned,
    )


def _fires() -> None:
    op.create_table(
        "fires",
        sa.Column("schedule_id", _UUID, nullable=False),
        sa.Column("nominal_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "stretch",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="0: this time fired; 1: it and those up to until_at did not",
        ),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("job_id", _UUID),
        sa.Column("workflow_id", _UUID),
        sa.PrimaryKeyConstraint("schedule_id", "nominal_at", "stretch", name=op.f("pk_fires")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_fires_at", "fires", ["at"], unique=False)
