"""What the planner does with the statements a verb runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from tenure.store.schema import metadata
from tenure.store.unit import Unit
from tests.store.opened import COORDINATOR, OpenedStore


def plans(store: OpenedStore, body: Callable[[Unit], Any]) -> list[str]:
    """The plan of every SELECT that `body` runs, as the database words it."""

    def explain(conn: sa.Connection) -> list[str]:
        ran: list[tuple[str, Any]] = []
        if store.dialect.name == "postgresql":
            # The tables of a test are small enough to be read whole; only then is that a fault.
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")

        def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            ran.append((statement, parameters))

        sa.event.listen(conn, "before_cursor_execute", note)
        body(Unit(conn, store.dialect, store.now, COORDINATOR))
        sa.event.remove(conn, "before_cursor_execute", note)
        return [_explain(store, conn, *one) for one in ran if one[0].startswith(("SELECT", "WITH"))]

    return store.within(explain)


def _explain(store: OpenedStore, conn: sa.Connection, statement: str, parameters: Any) -> str:
    word = "EXPLAIN QUERY PLAN " if store.dialect.name == "sqlite" else "EXPLAIN "
    rows = conn.exec_driver_sql(word + statement, parameters).all()
    return "\n".join(str(row[-1]) for row in rows)


def no_whole_table(store: OpenedStore, body: Callable[[Unit], Any]) -> None:
    """Every SELECT of `body` can be answered through indexes."""
    found = plans(store, body)
    assert found
    for plan in found:
        for line in plan.splitlines():
            assert "Seq Scan" not in line, plan
            table = next((t for t in metadata.tables if line.startswith(f"SCAN {t}")), None)
            assert table is None or "USING" in line, plan
