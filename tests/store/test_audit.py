"""The audit on both stores: written with the act, chained after it, never changed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from tenure.domain.access import Kind, Principal, Role
from tenure.domain.audit import Head, breaks
from tenure.store import audit as store_audit
from tenure.store.audit import Entry, audit, chain, head, links, newest
from tenure.store.engine import open_store as open_real_store
from tenure.store.tables_audit import audit as table
from tenure.store.unit import Unit
from tests.store.opened import OpenedStore, PostgresStore

LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
ANN = Principal(
    Role.ADMIN, "0193474a-0000-7000-8000-0000000000aa", "ann", Kind.API_TOKEN,
    token_id="0193474a-0000-7000-8000-0000000000ab", address="192.0.2.1",
)  # fmt: skip


def _write(store: OpenedStore, count: int, **entry: Any) -> None:
    for number in range(count):
        store.now += 1_000
        told = Entry("job.delete", ANN, "job", f"j{number}")
        store.run(audit, [replace(told, **entry)])


def _breaks(store: OpenedStore) -> list[str]:
    return breaks(Head(), store.run(links, 0, 1_000))


def test_a_line_says_who_what_whence_and_why(store: OpenedStore) -> None:
    store.run(
        audit,
        [
            Entry("user.edit", ANN, "user", "u1", "asked for", {"role": "user"}, {"role": "admin"}),
            Entry("coordinator.start", reason="x\0\ud800", target_id="y" * 1_000),
        ],
    )
    start, edit = store.run(newest, {}, LAST, 10)
    assert edit[1:] == (
        store.now, "user.edit", ANN.id, "ann", "admin", ANN.token_id, "192.0.2.1", "user", "u1",
        "asked for", '{"role":"user"}', '{"role":"admin"}', None, None,
    )  # fmt: skip
    assert (start.actor_id, start.role, start.address) == (None, None, None)
    assert (start.reason, len(start.target_id or "")) == ("x\ufffd\ufffd", 300)
    assert store.last is not None


def test_writing_nothing_is_no_statement(store: OpenedStore) -> None:
    store.run(audit, [])
    assert store.last is not None
    assert store.last.audited == 0


def test_lines_are_chained_in_order_and_only_once(store: OpenedStore) -> None:
    assert store.run(chain) == 0
    assert store.run(head) == Head()
    _write(store, 5)
    assert store.run(chain, 3) == 3
    assert store.run(chain) == 2
    assert store.run(chain) == 0
    lines = store.run(links, 0, 10)
    assert [line.target_id for line in lines] == [f"j{n}" for n in range(5)]
    assert _breaks(store) == []
    assert store.run(head) == Head(5, lines[-1].digest or "")
    assert store.run(links, 4, 10) == lines[4:]


def test_a_line_that_commits_late_goes_behind_its_elders(store: OpenedStore) -> None:
    _write(store, 3)
    assert store.run(chain) == 3
    store.now -= 1_000_000
    _write(store, 1, target_id="late")
    assert store.run(chain) == 1
    lines = store.run(links, 0, 10)
    assert lines[-1].target_id == "late"
    assert lines[-1].id < lines[0].id
    assert _breaks(store) == []


@pytest.mark.parametrize(
    "change",
    [
        sa.delete(table).where(table.c.target_id == "j2"),
        sa.update(table).where(table.c.target_id == "j2").values(actor="bob"),
        sa.update(table).where(table.c.target_id == "j2").values(after='{"x":1}'),
        sa.update(table).where(table.c.target_id == "j2").values(digest="0" * 64),
        sa.update(table).where(table.c.target_id == "j2").values(place=77),
        sa.update(table).where(table.c.target_id == "j2").values(at=1),
    ],
)
def test_what_somebody_changes_in_the_database_is_found(
    store: OpenedStore, change: sa.Executable
) -> None:
    _write(store, 5)
    store.run(chain)
    store.execute(change)
    assert _breaks(store)


def test_lines_are_found_by_what_they_say(store: OpenedStore) -> None:
    _write(store, 3)
    began = store.now
    _write(store, 2, action="login.failed", by=None, target="user", target_id="ann")
    assert [line.target_id for line in store.run(newest, {}, LAST, 2)] == ["ann", "ann"]
    cases: list[tuple[dict[str, Any], int]] = [
        ({"action": "login.failed"}, 2), ({"action": "login"}, 0), ({"actor": "ann"}, 3),
        ({"actor_id": ANN.id}, 3), ({"target": "job", "target_id": "j1"}, 1),
        ({"address": "192.0.2.1"}, 3), ({"since": began + 1_000}, 2), ({"until": began}, 2),
        ({"since": None, "action": None}, 5), ({"actor": "ann", "action": "login.failed"}, 0),
    ]  # fmt: skip
    for wanted, count in cases:
        assert len(store.run(newest, wanted, LAST, 10)) == count, wanted
    first = store.run(newest, {}, LAST, 3)
    rest = store.run(newest, {}, first[-1].id, 3)
    assert len({line.id for line in (*first, *rest)}) == 5


def test_what_fails_leaves_no_line(store: OpenedStore) -> None:
    def act(unit: Unit) -> None:
        audit(unit, [Entry("job.delete", ANN)])
        raise LookupError

    with pytest.raises(LookupError):
        store.run(act)
    assert store.run(newest, {}, LAST, 10) == []


def test_two_coordinators_chain_every_line_once(postgres_store: PostgresStore) -> None:
    store = postgres_store
    _write(store, 4)
    store.run(chain, 1)

    def uncommitted(unit: Unit) -> int:
        audit(unit, [Entry("job.delete", ANN, target_id="open")])
        return 0

    assert store.beside(uncommitted, chain) == (0, 3)
    assert store.run(chain) == 1
    assert [line.target_id for line in store.run(links, 0, 10)][-1] == "open"
    assert _breaks(store) == []


def _execute(change: sa.Executable, conn: sa.Connection) -> None:
    conn.execute(change)


@pytest.mark.anyio
async def test_the_database_itself_refuses_changes(database_url: str) -> None:
    store = open_real_store(database_url)
    await store.open()

    def write(conn: sa.Connection) -> None:
        unit = Unit(conn, store.dialect, 1_000_000, "")
        audit(unit, [Entry("job.delete", ANN, "job", "j1", after={"a": 1})])

    await store.write(write)
    row = table.c.target_id == "j1"
    refused: list[sa.Executable] = [
        sa.delete(table), sa.update(table).where(row).values(actor="bob"),
        sa.update(table).where(row).values(after=None),
        sa.update(table).where(row).values(place=1, action="x"),
    ]  # fmt: skip
    if database_url.startswith("postgres"):
        refused.append(sa.text("TRUNCATE audit"))
    for change in refused:
        with pytest.raises(DBAPIError, match="only appended to"):
            await store.write(partial(_execute, change))
    chained = await store.write(
        lambda conn: store_audit.chain(Unit(conn, store.dialect, 1_000_000, ""))
    )
    assert chained == 1
    for change in (sa.update(table).values(digest="0"), sa.update(table).values(place=None)):
        with pytest.raises(DBAPIError, match="only appended to"):
            await store.write(partial(_execute, change))
    await store.close()
