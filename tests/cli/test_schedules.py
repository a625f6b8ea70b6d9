from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.typed import Typed

YEARLY = "0 0 1 1 *"
NOBODY = "0193474a-0000-7000-8000-0000000000ff"


def added(tenure: Typed, *words: str) -> str:
    done = tenure("schedules", "add", *words)
    assert done.code == 0, done.err
    assert "fires next at" in done.err or "--paused" in words
    return done.out.strip()


def test_a_schedule_from_its_creation_to_its_end(tenure: Typed) -> None:
    words = ["echo", "n=1", "--cron", YEARLY, "--tz", "Asia/Tokyo", "--name", "new year"]
    schedule_id = added(tenure, *words, "--queue", "mail", "--jitter", "30s", "--overlap", "allow")
    shown = tenure("schedules", "get", schedule_id[:13]).json
    assert (shown["timezone"], shown["jitter_seconds"], shown["overlap"]) == (
        "Asia/Tokyo", 30, "allow",
    )  # fmt: skip
    assert (shown["job"]["queue"], shown["job"]["payload"]) == ("mail", {"n": 1})
    row = tenure("schedules", "ls").lines[0]
    assert row[:4] == [schedule_id, "active", f"{YEARLY} Asia/Tokyo", "echo"]
    assert tenure("schedules", "edit", schedule_id, "--every", "1h", "--version", "1").code == 0
    assert tenure("schedules", "edit", schedule_id, "--name", "x", "--version", "1").code == 6
    assert tenure("schedules", "edit", schedule_id).code == 2
    assert tenure("schedules", "edit", schedule_id, "--queue", "q").code == 2
    edited = tenure("schedules", "edit", schedule_id, "--type", "other", "--payload", "[1]")
    assert edited.lines[0][2:4] == ["every 3600s", "other"]
    paused = tenure("schedules", "pause", schedule_id, NOBODY, "--reason", "loud")
    assert (paused.code, paused.lines[0][1]) == (5, "paused")
    assert len(tenure("schedules", "ls", "-s", "paused").lines) == 1
    assert tenure("schedules", "resume", schedule_id).lines[0][1] == "active"
    job_id = tenure("schedules", "run", schedule_id).out.strip()
    assert [row[0] for row in tenure("schedules", "jobs", schedule_id).lines] == [job_id]
    assert tenure("schedules", "rm", schedule_id).code == 0
    assert tenure("schedules", "get", schedule_id).code == 5


def test_a_schedule_is_named_by_its_name(tenure: Typed) -> None:
    schedule_id = added(tenure, "echo", "--cron", YEARLY, "--name", "Daily report")
    assert tenure("schedules", "get", "Daily report").json["id"] == schedule_id
    assert len(tenure("schedules", "next", "Daily report", "-n", "2").lines) == 2
    assert tenure("schedules", "pause", "Daily report").lines[0][:2] == [schedule_id, "paused"]
    assert tenure("schedules", "ls", "--name", "Daily report").lines[0][0] == schedule_id
    assert tenure("schedules", "ls", "--name", "daily").lines == []
    missed = tenure("schedules", "get", "Daily")
    assert (missed.code, "give its name" in missed.err) == (5, True)
    assert tenure("schedules", "rm", "Daily report").code == 0


def test_a_backfill_is_shown_before_it_is_done(tenure: Typed) -> None:
    schedule_id = added(tenure, "echo", "--cron", "0 * * * *", "--paused")
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    span = ["--from", (end - timedelta(hours=3)).isoformat(), "--to", end.isoformat()]
    shown = tenure("schedules", "backfill", schedule_id, *span, "--preview")
    assert (len(shown.lines), shown.err) == (3, "3 would fire, 0 had fired before\n")
    done = tenure("schedules", "backfill", schedule_id, *span)
    assert done.err == "3 fired, 0 had fired before\n"
    fires = tenure("schedules", "fires", schedule_id).lines
    assert [row[2:4] for row in fires] == [["1", "backfilled"]] * 3
    assert [row[4] for row in fires] == [row[2] for row in done.lines[::-1]]
    tenure("schedules", "rm", schedule_id)


def test_times_of_a_schedule_and_of_any_expression(tenure: Typed) -> None:
    schedule_id = added(tenure, "echo", "--cron", YEARLY)
    assert len(tenure("schedules", "next", schedule_id, "-n", "2").lines) == 2
    words = ["--tz", "America/New_York", "--after", "2026-03-07T12:00:00Z", "-n", "1"]
    [line] = tenure("schedules", "next", "30 2 * * *", *words).lines
    assert line[:2] == ["2026-03-08T07:00:00Z", "2026-03-08T03:00:00-04:00"]
    assert "skips 02:30" in line[2]
    assert tenure("schedules", "next", schedule_id, "--tz", "UTC").code == 2
    tenure("schedules", "rm", schedule_id)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cron", "@daily"], "cron: @daily is not known"),
        (["--cron", "0 0 30 2 *"], "never fires"),
        (["--every", "1ms"], "every_seconds"),
        (["--cron", YEARLY, "--tz", "europe/berlin"], "did you mean Europe/Berlin?"),
        ([], "cron: give either cron or every_seconds"),
    ],
)
def test_what_is_refused_says_why(tenure: Typed, words: list[str], said: str) -> None:
    done = tenure("schedules", "add", "echo", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_workflow_from_a_file(tenure: Typed) -> None:
    flow = "name: etl\njobs:\n  load: {type: echo}\n  sum: {type: echo, depends_on: [load]}\n"
    done = tenure("schedules", "add", "--workflow", "-", "--cron", YEARLY, stdin=flow)
    schedule_id = done.out.strip()
    shown = tenure("schedules", "get", schedule_id).json
    assert [job["key"] for job in shown["workflow"]["jobs"]] == ["load", "sum"]
    assert tenure("schedules", "ls").lines[0][3] == "(workflow)"
    assert tenure("schedules", "add", "--cron", YEARLY).code == 2
    tenure("schedules", "rm", schedule_id)
