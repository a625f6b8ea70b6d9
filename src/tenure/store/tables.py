"""The core's tables. Instants are microseconds since 1970 (BIGINT), ids are UUIDv7.

`jobs` holds what was asked and is written once; `active_jobs` is the narrow churning row and exists
only while the job is unfinished; `runs` is append-only history (ADR 0001).
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Uuid = sa.Uuid(as_uuid=False).with_variant(sa.Text(), "sqlite")
"""Text in Python on both stores; 16 bytes on PostgreSQL, 36 characters on SQLite."""
Micros = sa.BigInteger()
Text = sa.Text()
Integer = sa.Integer()

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("type", Text, nullable=False),
    sa.Column("queue", Text, nullable=False),
    sa.Column("name", Text),
    sa.Column("priority", Integer, nullable=False),
    sa.Column("payload", Text, nullable=False),
    sa.Column("options", Text, comment="JobOptions as JSON, null for the defaults"),
    sa.Column("tags", Text, comment="JSON array of text, null for none"),
    sa.Column("owner_id", Uuid),
    sa.Column("schedule_id", Uuid),
    sa.Column("nominal_at", Micros, comment="the time of the schedule it was fired for"),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("version", Integer, nullable=False),
    sa.Column("deleted_at", Micros),
    sqlite_with_rowid=False,
)

OF_SCHEDULE = jobs.c.schedule_id.is_not(None)

sa.Index(
    "ix_jobs_schedule_id",
    jobs.c.schedule_id,
    jobs.c.id,
    sqlite_where=OF_SCHEDULE,
    postgresql_where=OF_SCHEDULE,
)

OWNED = jobs.c.owner_id.is_not(None)

sa.Index(
    "ix_jobs_owner_id",
    jobs.c.owner_id,
    jobs.c.id,
    sqlite_where=OWNED,
    postgresql_where=OWNED,
)

active_jobs = sa.Table(
    "active_jobs",
    metadata,
    sa.Column("job_id", Uuid, primary_key=True),
    sa.Column("queue", Text, nullable=False),
    sa.Column("type", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("reason", Text),
    sa.Column("rank", Micros, nullable=False),
    sa.Column("run_at", Micros, nullable=False, comment="when it became or becomes ready"),
    sa.Column("expires_at", Micros),
    sa.Column("attempt", Integer, nullable=False),
    sa.Column("max_attempts", Integer, nullable=False),
    sa.Column("lost", Integer, nullable=False),
    sa.Column("releases", Integer, nullable=False),
    sa.Column("snoozes", Integer, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("worker_id", Uuid),
    sa.Column("started_at", Micros, comment="when the lease was granted"),
    sa.Column("lease_expires_at", Micros),
    sa.Column("deadline_at", Micros, comment="timeout and its grace; no renewal goes beyond"),
    sa.Column("cancel_requested_at", Micros),
    sa.Column("cancel_reason", Text),
    sa.Column("progress", Text, comment="JSON {fraction, message}"),
    sa.Column("ties", Integer, nullable=False, comment="bits of domain.job.Tie"),
    sa.Column("concurrency_key", Text),
    sa.Column("waits", Integer, comment="jobs it still waits for; null when it depends on none"),
    sa.Column("schedule_id", Uuid, comment="as in jobs, to find what a schedule still runs"),
    sa.Column("owner_id", Uuid, comment="as in jobs, to find what an owner still has"),
    sa.CheckConstraint("(worker_id IS NOT NULL) = (state = 'running')", name="leased_is_running"),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": "70"},
)

READY = active_jobs.c.state == sa.literal_column("'pending'")
SCHEDULED = active_jobs.c.state == sa.literal_column("'scheduled'")
LEASED = active_jobs.c.worker_id.is_not(None)
CANCELLING = active_jobs.c.cancel_requested_at.is_not(None)
SCHEDULED_BY = active_jobs.c.schedule_id.is_not(None)
OWNED_ACTIVE = active_jobs.c.owner_id.is_not(None)
KEYED = active_jobs.c.concurrency_key.is_not(None)
AWAITS_ADMISSION = sa.and_(
    active_jobs.c.state == sa.literal_column("'blocked'"),
    active_jobs.c.reason == sa.literal_column("'concurrency_key'"),
)
COUNTED = active_jobs.c.ties.op("&")(sa.literal_column("64")) > sa.literal_column("0")
"""It bears Tie.QUEUE."""
EXPIRING = sa.and_(
    active_jobs.c.expires_at.is_not(None), active_jobs.c.attempt == sa.literal_column("0")
)

sa.Index(
    "ix_active_jobs_ready",
    active_jobs.c.queue,
    active_jobs.c.type,
    active_jobs.c.rank,
    active_jobs.c.job_id,
    sqlite_where=READY,
    postgresql_where=READY,
)
sa.Index(
    "ix_active_jobs_leased",
    active_jobs.c.worker_id,
    active_jobs.c.lease_expires_at,
    sqlite_where=LEASED,
    postgresql_where=LEASED,
)
sa.Index(
    "ix_active_jobs_scheduled",
    active_jobs.c.run_at,
    active_jobs.c.job_id,
    sqlite_where=SCHEDULED,
    postgresql_where=SCHEDULED,
)
sa.Index(
    "ix_active_jobs_cancelling",
    active_jobs.c.worker_id,
    sqlite_where=CANCELLING,
    postgresql_where=CANCELLING,
)
sa.Index(
    "ix_active_jobs_expiring",
    active_jobs.c.expires_at,
    sqlite_where=EXPIRING,
    postgresql_where=EXPIRING,
)
sa.Index(
    "ix_active_jobs_schedule_id",
    active_jobs.c.schedule_id,
    sqlite_where=SCHEDULED_BY,
    postgresql_where=SCHEDULED_BY,
)
sa.Index(
    "ix_active_jobs_owner_id",
    active_jobs.c.owner_id,
    active_jobs.c.job_id,
    sqlite_where=OWNED_ACTIVE,
    postgresql_where=OWNED_ACTIVE,
)
sa.Index(
    "ix_active_jobs_keyed",
    active_jobs.c.concurrency_key,
    active_jobs.c.state,
    sqlite_where=KEYED,
    postgresql_where=KEYED,
)
sa.Index(
    "ix_active_jobs_admission",
    active_jobs.c.concurrency_key,
    active_jobs.c.rank,
    active_jobs.c.job_id,
    sqlite_where=AWAITS_ADMISSION,
    postgresql_where=AWAITS_ADMISSION,
)

sa.Index(
    "ix_active_jobs_counted",
    active_jobs.c.queue,
    sqlite_where=COUNTED,
    postgresql_where=COUNTED,
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("job_id", Uuid, primary_key=True),
    sa.Column("fence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("attempt", Integer, nullable=False),
    sa.Column("worker_id", Uuid),
    sa.Column("started_at", Micros),
    sa.Column("finished_at", Micros, nullable=False),
    sa.Column("outcome", Text, nullable=False),
    sa.Column("reason", Text),
    sa.Column("error", Text, comment="JSON {type, message, traceback}"),
    sa.Column("result", Text),
    sa.Column("lost", Integer, nullable=False),
    sa.Column("cancel_requested", Integer, nullable=False),
    sa.Column("progress", Text),
    sa.Column("final_state", Text, comment="null unless this row ended the job"),
    sa.Column("fingerprint", Text, comment="of the error of a job that failed for good"),
    sqlite_with_rowid=False,
)

FINAL = runs.c.final_state.is_not(None)
ENDED_BADLY = runs.c.final_state.in_(
    [sa.literal_column(f"'{word}'") for word in ("failed", "cancelled", "skipped", "expired")]
)

sa.Index("uq_runs_final", runs.c.job_id, unique=True, sqlite_where=FINAL, postgresql_where=FINAL)
sa.Index(
    "ix_runs_ended_badly",
    runs.c.final_state,
    runs.c.job_id,
    sqlite_where=ENDED_BADLY,
    postgresql_where=ENDED_BADLY,
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("job_id", Uuid, primary_key=True),
    sa.Column("data", Text, nullable=False),
    sqlite_with_rowid=False,
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("hostname", Text, nullable=False),
    sa.Column("pid", Integer, nullable=False),
    sa.Column("version", Text, nullable=False),
    sa.Column("protocol", Integer, nullable=False),
    sa.Column("queues", Text, nullable=False, comment="JSON array of names"),
    sa.Column("types", Text, nullable=False, comment="JSON array of {name, schema}"),
    sa.Column("slots", Integer, nullable=False),
    sa.Column("labels", Text, nullable=False),
    sa.Column("state", Text, nullable=False, comment="online, draining, lost or gone"),
    sa.Column("drain_requested", Integer, nullable=False),
    sa.Column("registered_at", Micros, nullable=False),
    sa.Column("last_seen_at", Micros, nullable=False),
    sqlite_with_rowid=False,
)

coordinators = sa.Table(
    "coordinators",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("started_at", Micros, nullable=False),
    sa.Column("last_seen_at", Micros, nullable=False),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("owner", Text, primary_key=True, comment="empty for the local Admin"),
    sa.Column("key", Text, primary_key=True),
    sa.Column("digest", Text, nullable=False),
    sa.Column("job_id", Uuid, nullable=False, comment="the (first) job that was submitted"),
    sa.Column("answer", Text, comment="the answer to replay; null for an item of a batch"),
    sa.Column("created_at", Micros, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("ix_idempotency_keys_created_at", idempotency_keys.c.created_at)

stats = sa.Table(
    "stats",
    metadata,
    sa.Column("minute", Micros, primary_key=True, autoincrement=False),
    sa.Column("queue", Text, primary_key=True),
    sa.Column("type", Text, primary_key=True),
    sa.Column("measure", Text, primary_key=True),
    sa.Column("coordinator_id", Uuid, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

logs = sa.Table(
    "logs",
    metadata,
    sa.Column("job_id", Uuid, primary_key=True),
    sa.Column("fence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("index", Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Micros, nullable=False),
    sa.Column("level", Text, nullable=False),
    sa.Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("job_id", Uuid),
    sa.Column("at", Micros, nullable=False),
    sa.Column("event", Text, nullable=False),
    sa.Column("actor", Text),
    sa.Column("reason", Text),
    sa.Column("detail", Text, comment="JSON"),
    sqlite_with_rowid=False,
)
sa.Index("ix_events_job_id_id", events.c.job_id, events.c.id)
