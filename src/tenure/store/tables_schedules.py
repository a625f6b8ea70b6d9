"""The tables of recurring jobs."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.store.tables import Integer, Micros, Text, Uuid, metadata

schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("name", Text),
    sa.Column("rules", Text, nullable=False, comment="ScheduleRules as JSON"),
    sa.Column("job", Text, comment="JobSpec as JSON; null for a workflow"),
    sa.Column("payload", Text),
    sa.Column("workflow", Text, comment="WorkflowTemplate as JSON"),
    sa.Column("owner_id", Uuid),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("version", Integer, nullable=False),
    sa.Column("paused_at", Micros),
    sa.Column("paused_by", Text),
    sa.Column("pause_reason", Text),
    sa.Column("paused_until", Micros, comment="times up to here passed while it was paused"),
    sa.Column("next_nominal_at", Micros, comment="null at its end"),
    sa.Column("next_fire_at", Micros, comment="null while nothing is to fire"),
    sa.Column("last_fired_at", Micros),
    sa.Column("stretch_at", Micros, comment="the fires row that may still grow"),
    sa.Column("stretch_outcome", Text),
    sa.Column("deleted_at", Micros),
    sqlite_with_rowid=False,
)

DUE = schedules.c.next_fire_at.is_not(None)
OWNED = sa.and_(schedules.c.owner_id.is_not(None), schedules.c.deleted_at.is_(None))
NAMED = sa.and_(schedules.c.name.is_not(None), schedules.c.deleted_at.is_(None))
DELETED = schedules.c.deleted_at.is_not(None)

sa.Index(
    "ix_schedules_next_fire_at",
    schedules.c.next_fire_at,
    schedules.c.id,
    sqlite_where=DUE,
    postgresql_where=DUE,
)
sa.Index(
    "ix_schedules_name_id",
    schedules.c.name,
    schedules.c.id,
    sqlite_where=NAMED,
    postgresql_where=NAMED,
)
sa.Index(
    "ix_schedules_deleted_at",
    schedules.c.deleted_at,
    sqlite_where=DELETED,
    postgresql_where=DELETED,
)

sa.Index(
    "ix_schedules_owner_id",
    schedules.c.owner_id,
    schedules.c.id,
    sqlite_where=OWNED,
    postgresql_where=OWNED,
)

fires = sa.Table(
    "fires",
    metadata,
    sa.Column("schedule_id", Uuid, primary_key=True),
    sa.Column("nominal_at", Micros, primary_key=True, autoincrement=False),
    sa.Column(
        "stretch",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="0: this time fired; 1: it and those up to until_at did not",
    ),
    sa.Column("until_at", Micros, nullable=False),
    sa.Column("count", Integer, nullable=False),
    sa.Column("outcome", Text, nullable=False),
    sa.Column("at", Micros, nullable=False),
    sa.Column("job_id", Uuid),
    sa.Column("workflow_id", Uuid),
    sqlite_with_rowid=False,
)
sa.Index("ix_fires_at", fires.c["at"])
