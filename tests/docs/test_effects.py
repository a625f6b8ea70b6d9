from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from examples.effects import Credit, Page, credit, publish
from tenure import Context, Fail
from tenure.wire.leases import Lease
from tenure.worker.door import Door

JOB, OTHER_JOB = "0193474a-0000-7000-8000-00000000000a", "0193474a-0000-7000-8000-00000000000b"


class Nowhere:
    """Notes of these handlers go nowhere."""

    cancelled = False
    door = Door("http://127.0.0.1:1", None)

    def note_progress(self, fraction: float | None, message: str | None) -> None: ...

    def note_checkpoint(self, value: bytes) -> None: ...

    def note_log(self, level: str, text: str) -> None: ...


def attempt(job_id: str, fence: int) -> Context:
    lease = Lease(
        job_id=job_id,
        fence=fence,
        attempt=fence,
        max_attempts=4,
        type="credit",
        queue="default",
        payload=msgspec.Raw(b"{}"),
        lease_seconds=30,
    )
    return Context(lease, Nowhere())


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A database of its own for the handlers."""
    monkeypatch.setenv("LEDGER", str(tmp_path / "ledger.db"))
    yield tmp_path / "ledger.db"


def rows(ledger: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(ledger)) as connection:
        return connection.execute(statement).fetchall()


def test_two_attempts_credit_once(ledger: Path) -> None:
    order = Credit(account="ada", amount=5)
    assert credit(order, attempt(JOB, 1)) == "credited"
    assert credit(order, attempt(JOB, 2)) == "was credited before"
    assert rows(ledger, "SELECT * FROM balances") == [("ada", 5)]


def test_two_jobs_credit_twice(ledger: Path) -> None:
    order = Credit(account="ada", amount=5)
    credit(order, attempt(JOB, 1))
    credit(order, attempt(OTHER_JOB, 1))
    assert rows(ledger, "SELECT * FROM balances") == [("ada", 10)]


def test_an_attempt_that_lost_its_lease_writes_nothing(ledger: Path) -> None:
    publish(Page(name="home", text="first"), attempt(JOB, 1))
    publish(Page(name="home", text="second"), attempt(JOB, 3))
    with pytest.raises(Fail):
        publish(Page(name="home", text="late"), attempt(JOB, 2))
    assert rows(ledger, "SELECT fence, text FROM pages") == [(3, "second")]
