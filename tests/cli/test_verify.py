from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.typed import spawn
from tests.worker.running import Running


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a coordinator that ran."""
    directory = tmp_path_factory.mktemp("verify")
    with Running(directory):
        pass
    (file,) = directory.glob("*.db")
    return file


def test_a_sound_store_and_one_with_a_fault(stopped: Path) -> None:
    url = f"sqlite:///{stopped}"
    done = spawn("verify", "--database-url", url, "-o", "json")
    assert (done.code, done.err) == (0, "")
    assert all(row["holds"] and row["faults"] == [] for row in done.json)
    with sqlite3.connect(stopped) as conn:
        conn.execute("DROP TRIGGER audit_no_update")
        conn.execute("DROP TRIGGER audit_chained_once")
        conn.execute("UPDATE audit SET place = 1, digest = 'x', reason = 'forged'")
    done = spawn("verify", "--database-url", url)
    assert done.code == 1
    assert "audit line 1" in done.out
    assert "faults" in done.err


def test_a_noted_end_must_be_in_the_chain(stopped: Path) -> None:
    url = f"sqlite:///{stopped}"
    wrong = spawn("verify", "--database-url", url, "--head", "7:abc")
    assert (wrong.code, "PLACE:DIGEST" in wrong.err) == (2, True)
    gone = spawn("verify", "--database-url", url, "--head", f"7:{'a' * 64}")
    assert gone.code == 1
    assert "no longer holds line 7" in gone.out


def test_what_cannot_be_verified_is_one_line(tmp_path: Path) -> None:
    missing = spawn("verify", "--database-url", f"sqlite:///{tmp_path}/none.db")
    assert (missing.code, len(missing.err.splitlines())) == (1, 1)
    assert missing.err.startswith("error: cannot read the database")
