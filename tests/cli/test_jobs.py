from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import pytest

from tests.cli.typed import Typed, at_terminal, beside

NOBODY = "01900000-0000-7000-8000-000000000000"


def made(tenure: Typed, *words: str) -> str:
    done = tenure("submit", *words)
    assert done.code == 0, done.err
    return done.out.strip()


def test_a_list_by_columns_and_in_every_form(tenure: Typed) -> None:
    ids = [made(tenure, "listed", "--queue", "forms", "--name", f"n{n}\tx") for n in range(3)]
    done = tenure("jobs", "ls", "-q", "forms")
    assert done.out.splitlines()[0].split("\t")[:4] == ["id", "type", "queue", "status"]
    assert [line[0] for line in done.lines] == ids[::-1]
    assert done.lines[0][-1] == "n2\\tx"
    assert [job["id"] for job in tenure("jobs", "ls", "-q", "forms", "-o", "json").json] == ids[
        ::-1
    ]
    jsonl = tenure("jobs", "ls", "-q", "forms", "-o", "jsonl").out.splitlines()
    assert [json.loads(line)["name"] for line in jsonl] == ["n2\tx", "n1\tx", "n0\tx"]
    rows = list(csv.DictReader(io.StringIO(tenure("jobs", "ls", "-q", "forms", "-o", "csv").out)))
    assert [row["id"] for row in rows] == ids[::-1]


def test_a_list_is_filtered_and_bounded(tenure: Typed) -> None:
    for n in range(3):
        made(tenure, "filtered", "--queue", "filters", "--tag", f"t{n}")
    made(tenure, "filtered", "--queue", "filters", "--after", "1h")

    def count(*words: str) -> int:
        return len(tenure("jobs", "ls", "-q", "filters", *words).lines)

    assert count() == 4
    assert count("-n", "2") == 2
    assert count("--all") == 4
    assert count("-s", "scheduled") == 1
    assert count("-s", "scheduled", "-s", "QUEUED") == 4
    assert count("--tag", "t1") == 1
    assert count("--type", "other") == 0
    assert count("status:queued", "not", "tag:t1,t2") == 1
    assert count("status:scheduled tag:*") == 0
    wrong = tenure("jobs", "ls", "status:faild")
    assert (wrong.code, wrong.out) == (2, "")
    assert "did you mean failed?" in wrong.err


def test_an_empty_list_is_a_header_and_empty_json(tenure: Typed) -> None:
    assert len(tenure("jobs", "ls", "-q", "nothing").out.splitlines()) == 1
    assert tenure("jobs", "ls", "-q", "nothing", "-o", "json").json == []


def test_what_starts_next_comes_in_its_order(tenure: Typed) -> None:
    late, early = (made(tenure, "next", "--priority", priority) for priority in ("-1", "1"))
    ids = [line[0] for line in tenure("jobs", "pending", "-n", "500").lines]
    assert ids.index(early) < ids.index(late)
    assert len(tenure("jobs", "pending", "-n", "1").lines) == 1


def test_a_job_for_a_program_and_for_a_person(tenure: Typed) -> None:
    job_id = made(tenure, "shown", "a=1", "--tag", "x")
    assert tenure("jobs", "get", job_id).json["payload"] == {"a": 1}
    shown = tenure("jobs", "get", job_id, "-o", "table").out
    assert f"id            {job_id}" in shown
    assert 'payload       {"a":1}' in shown
    assert "attempt       0 of 4" in shown
    assert "worker_id" not in shown


def test_the_start_of_an_id_is_enough(tenure: Typed) -> None:
    job_id = made(tenure, "short")
    for words in (["get"], ["runs"], ["events"], ["logs"]):
        assert tenure("jobs", *words, job_id[:-4].upper()).code == 0
    assert tenure("jobs", "cancel", job_id[:-4]).lines[0][0] == job_id


@pytest.mark.usefixtures("worker")
def test_watching_logs_and_runs(tenure: Typed) -> None:
    job_id = made(tenure, "greet", "name=you")
    watched = tenure("jobs", "watch", job_id, "--follow")
    assert (watched.code, watched.json["status"]) == (0, "completed")
    assert "greeting" in watched.err
    logs = tenure("jobs", "logs", job_id).out.splitlines()
    assert [line.split(" ", 1)[1] for line in logs] == [
        "info    greeting",
        "warning with \\x1b[31mcolour\\nand a break",
    ]
    assert tenure("jobs", "logs", job_id, "-f").out.splitlines() == logs
    line = tenure("jobs", "logs", job_id, "-o", "json").json[1]
    assert (line["index"], line["text"]) == (1, "with \x1b[31mcolour\nand a break")
    fence = tenure("jobs", "runs", job_id, "-o", "json").json[0]["fence"]
    assert len(tenure("jobs", "logs", job_id, "--fence", str(fence)).out.splitlines()) == 2
    assert tenure("jobs", "runs", job_id).lines[0][2] == "completed"


def test_why_a_job_waits(tenure: Typed) -> None:
    job_id = made(tenure, "nobody", "--after", "1h", "--queue", "asked-why")
    told = tenure("jobs", "why", job_id[:-4])
    head, why, start = told.out.splitlines()
    assert head == f"{job_id} is scheduled"
    assert why.startswith("  not due until 2")
    assert start.startswith("  likely to start at 2")
    assert tenure("jobs", "why", job_id, "-o", "json").json["reasons"][0]["cause"] == "not_due"


def begun(tenure: Typed, gate: Path) -> str:
    """A job that has told its progress, and runs until the gate is there."""
    job_id = made(tenure, "progress", f"gate={gate}")
    until = time.monotonic() + 20
    while tenure("jobs", "get", job_id).json["progress"] is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    return job_id


@pytest.mark.usefixtures("worker")
def test_progress_is_seen_while_it_is_made(tenure: Typed, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job_id = begun(tenure, gate)
    assert "progress      40% resizing\\n" in tenure("jobs", "get", job_id, "-o", "table").out
    watching = beside("jobs", "watch", job_id, "--url", tenure.url)
    assert watching.stderr is not None
    assert watching.stderr.readline() == "running 40% resizing\\n\n"
    gate.touch()
    out, err = watching.communicate(timeout=20)
    assert (watching.returncode, json.loads(out)["result"], err) == (0, "resized", "")


@pytest.mark.usefixtures("worker")
def test_a_person_sees_progress_as_a_bar(tenure: Typed, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job_id = begun(tenure, gate)
    drawn = at_terminal(
        "jobs", "watch", job_id, "--url", tenure.url,
        drawing=lambda drawn: gate.touch() if b"40% resizing" in drawn else None,
    )  # fmt: skip
    assert "\nresult        resized\n" in drawn


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("form", [[], ["-o", "jsonl"]])
def test_a_log_is_followed_live(tenure: Typed, tmp_path: Path, form: list[str]) -> None:
    gate = tmp_path / "gate"
    job_id = made(tenure, "progress", f"gate={gate}")
    following = beside("jobs", "logs", "-f", job_id, "--url", tenure.url, *form)
    assert following.stdout is not None
    assert "halfway" in following.stdout.readline()
    assert tenure("jobs", "get", job_id).json["status"] == "running"
    gate.touch()
    out, err = following.communicate(timeout=20)
    assert (following.returncode, out, err) == (0, "", "")


@pytest.mark.usefixtures("worker")
def test_watching_ends_as_the_job_does(tenure: Typed) -> None:
    job_id = made(tenure, "linger")
    assert tenure("jobs", "watch", job_id, "--timeout", "50ms").code == 124
    assert tenure("jobs", "cancel", job_id, "--reason", "enough").code == 0
    watched = tenure("jobs", "watch", job_id)
    assert (watched.code, watched.json["status"]) == (4, "cancelled")
    events = tenure("jobs", "events", job_id).lines
    assert [line[1:4:2] for line in events] == [["cancel", "enough"]]


@pytest.mark.parametrize(
    "command", ["get", "watch", "logs", "runs", "events", "why", "cancel", "rm"]
)
def test_nobody_is_exit_code_5(tenure: Typed, command: str) -> None:
    done = tenure("jobs", command, NOBODY)
    assert (done.code, done.out) == (5, "")
    assert done.err.startswith("error: ")
    assert len(done.err.splitlines()) == 1


@pytest.mark.usefixtures("worker")
def test_a_person_sees_a_table_and_waits_with_a_bar(tenure: Typed) -> None:
    job_id = made(tenure, "greet", "name=you", "--queue", "default", "--tag", "drawn")
    drawn = at_terminal("jobs", "watch", job_id, "--url", tenure.url)
    assert "\x1b[?25l" in drawn
    assert "\nresult        hello you\n" in drawn
    drawn = at_terminal("jobs", "ls", "--tag", "drawn", "--url", tenure.url)
    assert "\x1b[32mcompleted" in drawn
    assert drawn.splitlines()[1].startswith(job_id)
