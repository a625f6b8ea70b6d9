from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tenure.cli.admin import span_text
from tests.cli.typed import Typed, spawn


def test_every_setting_is_shown_with_its_origin(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    done = spawn(
        "config",
        "show",
        "--origin",
        "-o",
        "json",
        TENURE_PORT="6000",
        TENURE_TOKEN_FILE=str(token),
        TENURE_SECRET_KEY="s3cret-b6yXq0fWkz2LmT9vRjPd81NaHc",
        TENURE_DATABASE_URL="postgresql://tenure:s3cret@db/jobs",
        TENURE_RETENTION="failed=36h",
        TENURE_QUEUES="a,b",
    )
    shown = {row["name"]: row for row in done.json}
    assert shown["port"] == {
        "name": "port",
        "value": 6000,
        "variable": "TENURE_PORT",
        "origin": "environment TENURE_PORT",
    }
    assert shown["token"]["value"] == shown["secret_key"]["value"] == "***"
    assert shown["token"]["origin"] == f"environment TENURE_TOKEN_FILE -> {token}"
    assert shown["database_url"]["value"] == "postgresql://***@db/jobs"
    assert shown["retention.failed"]["value"] == "36h"
    assert shown["retention.failed"]["variable"] == "TENURE_RETENTION__FAILED"
    assert shown["queues"]["value"] == "a,b"
    assert shown["lease"] == {
        "name": "lease",
        "value": "30s",
        "variable": "TENURE_LEASE",
        "origin": "default",
    }
    assert "s3cret" not in done.out + done.err


def test_settings_in_columns() -> None:
    lines = [line.split("\t") for line in spawn("config", "show").out.splitlines()]
    assert lines[0] == ["name", "value", "variable"]
    assert ["host", "127.0.0.1", "TENURE_HOST"] in lines


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=250), "250ms"),
        (timedelta(seconds=1.5), "1500ms"),
        (timedelta(seconds=90), "90s"),
        (timedelta(hours=36), "36h"),
        (timedelta(days=7), "7d"),
    ],
)
def test_spans_as_they_would_be_written(span: timedelta, text: str) -> None:
    assert span_text(span) == text


def test_migrate_creates_and_check_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    url = f"sqlite:///{file}"
    missing = spawn("migrate", "--check", "--database-url", url)
    assert missing.code == 1
    assert not file.exists() or file.stat().st_size == 0
    assert spawn("migrate", "--database-url", url).code == 0
    done = spawn("migrate", "--check", TENURE_DATABASE_URL=url)
    assert (done.code, done.out, done.err) == (0, "", "the database is up to date\n")


def test_a_database_that_is_none_is_one_line() -> None:
    done = spawn("migrate", "--database-url", "mysql://x/y")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert len(done.err.splitlines()) == 1


def test_the_openapi_document(tenure: Typed) -> None:
    document = json.loads(tenure("openapi").out)
    assert document["openapi"].startswith("3.1")
    assert "/api/jobs" in document["paths"]


def test_the_version_for_programs(tenure: Typed) -> None:
    assert set(tenure("version", "-o", "json").json) == {"tenure", "python"}
