from __future__ import annotations

import time

import anyio.from_thread
import pytest

from tests.cli.conftest import greet
from tests.cli.test_jobs import NOBODY, made
from tests.cli.typed import Typed
from tests.worker.running import Running


def online(tenure: Typed, name: str) -> list[str]:
    return [line[0] for line in tenure("workers", "ls").lines if line[1:3] == [name, "online"]]


def test_workers_are_listed(tenure: Typed, worker: str) -> None:
    (shown,) = [
        one
        for one in tenure("workers", "ls", "-o", "json").json
        if one["id"] in online(tenure, worker)
    ]
    assert (shown["name"], shown["slots"]) == (worker, 10)
    assert sorted(shown["types"]) == ["greet", "linger", "progress", "refuse"]


def test_workers_are_drained_by_id_and_by_name(tenure: Typed, worker: str) -> None:
    (worker_id,) = online(tenure, worker)
    assert tenure("workers", "drain", worker_id[:-2]).lines[0][0] == worker_id


def test_a_worker_goes_by_its_name(tenure: Typed, worker: str) -> None:
    (worker_id,) = online(tenure, worker)
    assert tenure("workers", "drain", worker).lines[0][0] == worker_id


@pytest.mark.parametrize("name", [NOBODY, "nobody", ""])
def test_an_unknown_worker_is_exit_code_5(tenure: Typed, name: str) -> None:
    done = tenure("workers", "drain", name)
    assert (done.code, done.out) == (5, "")


def test_an_ambiguous_start_is_refused(tenure: Typed, running: Running, worker: str) -> None:
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running.worker(greet, name="other")),
    ):
        (worker_id,) = online(tenure, worker)
        done = tenure("workers", "drain", worker_id[:4])
    assert (done.code, done.out) == (2, "")
    assert "give more of the id" in done.err


@pytest.mark.usefixtures("worker")
def test_queues_and_stats(tenure: Typed) -> None:
    made(tenure, "counted", "--queue", "counted")
    assert tenure("queues", "ls").out.splitlines()[0].split("\t")[:3] == [
        "name",
        "pending",
        "running",
    ]
    ends = time.monotonic() + 10  # numbers are a snapshot, taken about every second
    while not tenure("stats", "-o", "json").json["totals"]["submitted"]:
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert "total submitted" in tenure("stats", "-o", "table").out


@pytest.mark.usefixtures("worker")
def test_handlers_are_listed_and_shown(tenure: Typed) -> None:
    rows = {line[0]: line for line in tenure("handlers", "ls").lines}
    assert {"greet", "linger", "progress", "refuse"} <= rows.keys()
    assert int(rows["greet"][1]) >= 1
    told = tenure("handlers", "get", "refuse").json
    assert (told["type"], told["schema"]) == ("refuse", {"type": "string"})
    done = tenure("handlers", "get", "refuze")
    assert (done.code, done.out) == (5, "")
    assert "did you mean refuse?" in done.err


def test_numbers_over_time(tenure: Typed) -> None:
    made(tenure, "counted", "--queue", "drawn")
    rows = tenure("stats", "--last", "15m", "--queue", "drawn", "--type", "counted").lines
    assert len(rows) == 15
    assert sum(int(row[1]) for row in rows) >= 1
    assert sum(point["submitted"] for point in tenure("stats", "--last", "1h", "-o", "json").json)


@pytest.mark.parametrize(
    ("words", "text"), [(["--last", "5s"], "range_seconds"), (["--queue", "q"], "--last")]
)
def test_other_spans_are_refused(tenure: Typed, words: list[str], text: str) -> None:
    done = tenure("stats", *words)
    assert (done.code, done.out) == (2, "")
    assert text in done.err
