"""The first schema: what was asked, what is active, what happened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_UUID = sa.Uuid(as_uuid=False).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    _active_jobs()
    _checkpoints()
    _coordinators()
    _events()
    _idempotency_keys()
    _jobs()
    _logs()
    _runs()
    _stats()
    _workers()
    if op.get_bind().dialect.name == "postgresql":
        # The churning table: vacuum by the thousand, not by the fifth.
        op.execute(
            "ALTER TABLE active_jobs SET (autovacuum_vacuum_scale_factor = 0.01,"
            " autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02,"
            " autovacuum_vacuum_cost_delay = 0)"
        )


def _active_jobs() -> None:
    op.create_table(
        "active_jobs",
        sa.Column("job_id", _UUID, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column(
            "run_at", sa.BigInteger(), nullable=False, comment="when it became or becomes ready"
        ),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("releases", sa.Integer(), nullable=False),
        sa.Column("snoozes", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("worker_id", _UUID),
        sa.Column("started_at", sa.BigInteger(), comment="when the lease was granted"),
        sa.Column("lease_expires_at", sa.BigInteger()),
        sa.Column(
            "deadline_at", sa.BigInteger(), comment="timeout and its grace; no renewal goes beyond"
        ),
        sa.Column("cancel_requested_at", sa.BigInteger()),
        sa.Column("cancel_reason", sa.Text()),
        sa.Column("progress", sa.Text(), comment="JSON {fraction, message}"),
        sa.Column("ties", sa.Integer(), nullable=False, comment="bits of domain.job.Tie"),
        sa.Column(
            "waits", sa.Integer(), comment="jobs it still waits for; null when it depends on none"
        ),
        sa.Column("schedule_id", _UUID, comment="as in jobs, to find what a schedule still runs"),
        sa.Column("concurrency_key", sa.Text()),
        sa.Column("owner_id", _UUID, comment="as in jobs, to find what an owner still has"),
        sa.CheckConstraint(
            "(worker_id IS NOT NULL) = (state = 'running')",
            name=op.f("ck_active_jobs_leased_is_running"),
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_active_jobs")),
        postgresql_with={"fillfactor": "70"},
        sqlite_with_rowid=False,
    )
    admission = sa.text("state = 'blocked' AND reason = 'concurrency_key'")
    op.create_index(
        "ix_active_jobs_admission",
        "active_jobs",
        ["concurrency_key", "rank", "job_id"],
        unique=False,
        sqlite_where=admission,
        postgresql_where=admission,
    )
    op.create_index(
        "ix_active_jobs_cancelling",
        "active_jobs",
        ["worker_id"],
        unique=False,
        sqlite_where=sa.text("cancel_requested_at IS NOT NULL"),
        postgresql_where=sa.text("cancel_requested_at IS NOT NULL"),
    )
    op.create_index(
        "ix_active_jobs_counted",
        "active_jobs",
        ["queue"],
        unique=False,
        sqlite_where=sa.text("(ties & 64) > 0"),
        postgresql_where=sa.text("(ties & 64) > 0"),
    )
    op.create_index(
        "ix_active_jobs_expiring",
        "active_jobs",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("expires_at IS NOT NULL AND attempt = 0"),
        postgresql_where=sa.text("expires_at IS NOT NULL AND attempt = 0"),
    )
    op.create_index(
        "ix_active_jobs_keyed",
        "active_jobs",
        ["concurrency_key", "state"],
        unique=False,
        sqlite_where=sa.text("concurrency_key IS NOT NULL"),
        postgresql_where=sa.text("concurrency_key IS NOT NULL"),
    )
    op.create_index(
        "ix_active_jobs_leased",
        "active_jobs",
        ["worker_id", "lease_expires_at"],
        unique=False,
        sqlite_where=sa.text("worker_id IS NOT NULL"),
        postgresql_where=sa.text("worker_id IS NOT NULL"),
    )
    op.create_index(
        "ix_active_jobs_owner_id",
        "active_jobs",
        ["owner_id", "job_id"],
        unique=False,
        sqlite_where=sa.text("owner_id IS NOT NULL"),
        postgresql_where=sa.text("owner_id IS NOT NULL"),
    )
    op.create_index(
        "ix_active_jobs_ready",
        "active_jobs",
        ["queue", "type", "rank", "job_id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_active_jobs_scheduled",
        "active_jobs",
        ["run_at", "job_id"],
        unique=False,
        sqlite_where=sa.text("state = 'scheduled'"),
        postgresql_where=sa.text("state = 'scheduled'"),
    )
    op.create_index(
        "ix_active_jobs_schedule_id",
        "active_jobs",
        ["schedule_id"],
        unique=False,
        sqlite_where=sa.text("schedule_id IS NOT NULL"),
        postgresql_where=sa.text("schedule_id IS NOT NULL"),
    )


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("job_id", _UUID, nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_checkpoints")),
        sqlite_with_rowid=False,
    )


def _coordinators() -> None:
    op.create_table(
        "coordinators",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coordinators")),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("job_id", _UUID),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("detail", sa.Text(), comment="JSON"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_events_job_id_id", "events", ["job_id", "id"], unique=False)


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", sa.Text(), nullable=False, comment="empty for the local Admin"),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("job_id", _UUID, nullable=False, comment="the (first) job that was submitted"),
        sa.Column("answer", sa.Text(), comment="the answer to replay; null for an item of a batch"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_idempotency_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), comment="JobOptions as JSON, null for the defaults"),
        sa.Column("tags", sa.Text(), comment="JSON array of text, null for none"),
        sa.Column("owner_id", _UUID),
        sa.Column("schedule_id", _UUID),
        sa.Column(
            "nominal_at", sa.BigInteger(), comment="the time of the schedule it was fired for"
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_jobs_owner_id",
        "jobs",
        ["owner_id", "id"],
        unique=False,
        sqlite_where=sa.text("owner_id IS NOT NULL"),
        postgresql_where=sa.text("owner_id IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_schedule_id",
        "jobs",
        ["schedule_id", "id"],
        unique=False,
        sqlite_where=sa.text("schedule_id IS NOT NULL"),
        postgresql_where=sa.text("schedule_id IS NOT NULL"),
    )


def _logs() -> None:
    op.create_table(
        "logs",
        sa.Column("job_id", _UUID, nullable=False),
        sa.Column("fence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "fence", "index", name=op.f("pk_logs")),
        sqlite_with_rowid=False,
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("job_id", _UUID, nullable=False),
        sa.Column("fence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker_id", _UUID),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("error", sa.Text(), comment="JSON {type, message, traceback}"),
        sa.Column("result", sa.Text()),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Text()),
        sa.Column("final_state", sa.Text(), comment="null unless this row ended the job"),
        sa.Column("fingerprint", sa.Text(), comment="of the error of a job that failed for good"),
        sa.PrimaryKeyConstraint("job_id", "fence", name=op.f("pk_runs")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_runs_ended_badly",
        "runs",
        ["final_state", "job_id"],
        unique=False,
        sqlite_where=sa.text("final_state IN ('failed', 'cancelled', 'skipped', 'expired')"),
        postgresql_where=sa.text("final_state IN ('failed', 'cancelled', 'skipped', 'expired')"),
    )
    op.create_index(
        "uq_runs_final",
        "runs",
        ["job_id"],
        unique=True,
        sqlite_where=sa.text("final_state IS NOT NULL"),
        postgresql_where=sa.text("final_state IS NOT NULL"),
    )


def _stats() -> None:
    op.create_table(
        "stats",
        sa.Column("minute", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("coordinator_id", _UUID, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "minute", "queue", "type", "measure", "coordinator_id", name=op.f("pk_stats")
        ),
        sqlite_with_rowid=False,
    )


def _workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("protocol", sa.Integer(), nullable=False),
        sa.Column("queues", sa.Text(), nullable=False, comment="JSON array of names"),
        sa.Column("types", sa.Text(), nullable=False, comment="JSON array of {name, schema}"),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="online, draining, lost or gone"),
        sa.Column("drain_requested", sa.Integer(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
        sqlite_with_rowid=False,
    )
