"""The metadata of every table, wherever it is defined."""

from __future__ import annotations

from tenure.store import (
    tables,
    tables_access,
    tables_audit,
    tables_concealed,
    tables_limits,
    tables_notify,
    tables_operations,
    tables_queues,
    tables_schedules,
    tables_workflows,
)

AREAS = (
    tables,
    tables_access,
    tables_audit,
    tables_concealed,
    tables_limits,
    tables_notify,
    tables_operations,
    tables_queues,
    tables_schedules,
    tables_workflows,
)
metadata = tables.metadata
