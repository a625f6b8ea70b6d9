"""Jobs that wait for jobs, and workflows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None

_UUID = sa.Uuid(as_uuid=False).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    _dependencies()
    _workflows()
    _workflow_jobs()
    _workflow_counts()


def _dependencies() -> None:
    op.create_table(
        "dependencies",
        sa.Column("job_id", _UUID, nullable=False),
        sa.Column("parent_id", _UUID, nullable=False),
        sa.Column("condition", sa.Text(), nullable=False, comment="domain.edges.Condition"),
        sa.Column(
            "joined",
            sa.Text(),
            nullable=False,
            comment="domain.edges.Join, the same in all edges",
        ),
        sa.PrimaryKeyConstraint("job_id", "parent_id", name=op.f("pk_dependencies")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_dependencies_parent_id_job_id", "dependencies", ["parent_id", "job_id"], unique=False
    )


def _workflows() -> None:
    op.create_table(
        "workflows",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("owner_id", _UUID),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_at", sa.BigInteger(), comment="no job joins it any more"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflows")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_workflows_owner_id",
        "workflows",
        ["owner_id", "id"],
        unique=False,
        sqlite_where=sa.text("owner_id IS NOT NULL"),
        postgresql_where=sa.text("owner_id IS NOT NULL"),
    )


def _workflow_jobs() -> None:
    op.create_table(
        "workflow_jobs",
        sa.Column("workflow_id", _UUID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("job_id", _UUID, nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "key", name=op.f("pk_workflow_jobs")),
        sqlite_with_rowid=False,
    )
    op.create_index("uq_workflow_jobs_job_id", "workflow_jobs", ["job_id"], unique=True)


def _workflow_counts() -> None:
    op.create_table(
        "workflow_counts",
        sa.Column("workflow_id", _UUID, nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("total", "completed", "failed", "cancelled", "skipped", "expired")
        ),
        sa.Column(
            "finished_at",
            sa.BigInteger(),
            comment="when the last job ended; null while one is open",
        ),
        sa.PrimaryKeyConstraint("workflow_id", name=op.f("pk_workflow_counts")),
        sqlite_with_rowid=False,
    )
