"""Tables of dependencies and workflows."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.store.tables import Integer, Micros, Text, Uuid, metadata

dependencies = sa.Table(
    "dependencies",
    metadata,
    sa.Column("job_id", Uuid, primary_key=True),
    sa.Column("parent_id", Uuid, primary_key=True),
    sa.Column("condition", Text, nullable=False, comment="domain.edges.Condition"),
    sa.Column("joined", Text, nullable=False, comment="domain.edges.Join, the same in all edges"),
    sqlite_with_rowid=False,
)
sa.Index("ix_dependencies_parent_id_job_id", dependencies.c.parent_id, dependencies.c.job_id)

workflows = sa.Table(
    "workflows",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("name", Text),
    sa.Column("owner_id", Uuid),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("cancelled_at", Micros, comment="no job joins it any more"),
    sqlite_with_rowid=False,
)

OWNED = workflows.c.owner_id.is_not(None)

sa.Index(
    "ix_workflows_owner_id",
    workflows.c.owner_id,
    workflows.c.id,
    sqlite_where=OWNED,
    postgresql_where=OWNED,
)

workflow_jobs = sa.Table(
    "workflow_jobs",
    metadata,
    sa.Column("workflow_id", Uuid, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("job_id", Uuid, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("uq_workflow_jobs_job_id", workflow_jobs.c.job_id, unique=True)

workflow_counts = sa.Table(
    "workflow_counts",
    metadata,
    sa.Column("workflow_id", Uuid, primary_key=True),
    sa.Column("total", Integer, nullable=False),
    sa.Column("completed", Integer, nullable=False),
    sa.Column("failed", Integer, nullable=False),
    sa.Column("cancelled", Integer, nullable=False),
    sa.Column("skipped", Integer, nullable=False),
    sa.Column("expired", Integer, nullable=False),
    sa.Column("finished_at", Micros, comment="when the last job ended; null while one is open"),
    sqlite_with_rowid=False,
)
"""Apart from `workflows`: who ends jobs writes here after locking jobs, who cancels locks there
before locking jobs."""
