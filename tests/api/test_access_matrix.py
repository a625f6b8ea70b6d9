"""Every route against every kind of caller, compared with a table that people read.

A new route needs a row in `access_matrix.csv`: run this file with TENURE_TEST_WRITE_MATRIX=1 and
read what changed.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tenure.domain.access import GRANTS, Permission, Role
from tests.api.calls import Callers
from tests.api.matrix import (
    CALLERS,
    Route,
    Row,
    Scene,
    declared,
    documented,
    line,
    read_table,
    write_table,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def matrix(callers: Callers) -> AsyncIterator[dict[Route, Row]]:
    """How far everybody gets, on every route; deletions come last."""
    routes = declared(callers.anonymous)
    found: dict[Route, Row] = {}
    async with AsyncExitStack() as stack:
        scene = await Scene.of(callers, stack)
        for route in sorted(routes, key=lambda one: (one[0] == "DELETE", one[1], one[0])):
            found[route] = await scene.row(route, routes[route])
    if os.environ.get("TENURE_TEST_WRITE_MATRIX") == "1":
        write_table(found.values())
    yield found


async def test_every_caller_gets_as_far_as_the_table_says(matrix: dict[Route, Row]) -> None:
    kept = read_table()
    assert sorted(kept.keys() - matrix.keys()) == [], "rows of routes that are not there"
    missing = [line(matrix[route]) for route in sorted(matrix.keys() - kept.keys())]
    assert missing == [], "routes without a row; these are theirs"
    wrong = [
        f"kept {line(kept[route])}\nseen {line(row)}"
        for route, row in sorted(matrix.items())
        if kept[route] != row
    ]
    assert wrong == [], "\n".join(wrong)


async def test_the_document_names_what_the_router_has(callers: Callers) -> None:
    written, routed = await documented(callers.anonymous), declared(callers.anonymous)
    assert written <= routed.keys()
    apart = {
        route
        for route, access in routed.items()
        if route not in written and access != "none" and route[1].startswith("/api")
    }
    assert apart == set()


def test_the_table_agrees_with_the_grants() -> None:
    """Who lacks the permission is turned away, and nobody unknown gets in but where it is open."""
    roles = {
        "viewer": Role.VIEWER, "owner": Role.USER, "other": Role.USER, "admin": Role.ADMIN,
        "worker": Role.WORKER,
    }  # fmt: skip
    for (method, path), row in read_table().items():
        if row["access"] == "none":
            assert method in ("HEAD", "OPTIONS"), (method, path)
            continue
        permission = Permission(row["access"])
        for name in ("anonymous", "expired", "revoked"):
            assert permission is Permission.OPEN or row[name] == "401", (method, path, name)
        for name, role in roles.items():
            allowed = permission in GRANTS[role] or permission is Permission.OPEN
            assert allowed or row[name] == "403", (method, path, name)


def test_what_is_one_owners_is_not_found_by_another() -> None:
    """Where a path names a job, a schedule, a workflow, an operation or a token."""
    owned = ("{job_id}", "{schedule_id}", "{workflow_id}", "{operation_id}", "{token_id}")
    rows = [row for row in read_table().values() if any(word in row["path"] for word in owned)]
    assert len(rows) > 30
    for row in rows:
        if row["owner"] == "in" and row["access"] != "none":
            assert row["other"] == "404", line(row)
            assert row["admin"] == "in", line(row)


def test_every_kind_of_caller_has_a_column() -> None:
    assert all(set(CALLERS) < row.keys() for row in read_table().values())
