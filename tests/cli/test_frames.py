from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rich.console import Console

from tenure.cli.frames import Frame, Look
from tenure.wire.queues import Queue
from tenure.wire.system import Stats
from tenure.wire.workers import Worker

AT = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
STATES = ("pending", "running", "scheduled", "blocked", "paused")


def look(at: float, completed: int, queues: int = 0, workers: int = 0) -> Look:
    measures = {"submitted": 9, "completed": completed, "failed": 0, "retried": 0}
    stats = Stats(
        as_of=AT,
        active={"pending": 7},
        by_queue=[],
        totals=measures,
        last_hour=measures,
        minutes=[],
        start_delay_seconds={},
        duration_seconds={},
    )
    return Look(
        at,
        stats,
        [Queue(name=f"q{n:02}", counts=dict.fromkeys(STATES, n), workers=1) for n in range(queues)],
        [worker(f"w{n:02}", "online", n) for n in range(workers)] + [worker("old", "gone", 0)],
    )


def worker(name: str, state: str, running: int) -> Worker:
    return Worker(
        id=name,
        name=name,
        state=state,
        slots=30,
        running=running,
        queues=["q\x1b"],
        types=[],
        labels={},
        hostname="host",
        pid=1,
        version="1",
        registered_at=AT,
        last_seen_at=AT,
    )


def screen(frame: Frame, height: int, width: int = 70) -> list[str]:
    console = Console(width=width, height=height, color_system=None)
    with console.capture() as drawn:
        console.print(frame, height=height)
    return drawn.get().splitlines()


def test_rates_need_two_looks() -> None:
    first = Frame("http://x", look(10.0, 4))
    assert any(line == "now      submitted -   completed -   failed -   retried -"
               for line in first.lines())  # fmt: skip
    later = first.then(look(12.0, 9)).lines()
    assert "now      submitted 0.0/s   completed 2.5/s   failed 0.0/s   retried 0.0/s" in later
    # totals of a store that was replaced go down: no rate is less than nothing
    assert "completed 0.0/s" in first.then(look(11.0, 1)).lines()[3]


def test_the_busiest_come_first_and_the_gone_are_left_out() -> None:
    lines = Frame("http://x", look(0.0, 0, queues=3, workers=2)).lines()
    names = [line.split()[0] for line in lines if line[:1] in "qwo" and line[1:3].isdigit()]
    assert names == ["q02", "q01", "q00", "w01", "w00"]
    assert not any(line.startswith("old") for line in lines)
    assert "workers 2   slots in use 1 of 60" in "\n".join(lines)
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("height", [12, 24, 40])
@pytest.mark.parametrize(("queues", "workers"), [(50, 50), (50, 1), (0, 50)])
def test_a_screen_has_room_for_both_tables(height: int, queues: int, workers: int) -> None:
    lines = screen(Frame("http://x", look(0.0, 0, queues, workers)), height)
    assert len(lines) <= height
    text = "\n".join(lines)
    assert "QUEUES" in text
    assert f"w{workers - 1:02}" in text
    assert "q49" in text or not queues


def test_what_is_stale_says_why() -> None:
    shown = Frame("http://x", look(0.0, 0)).stale("nobody\x1b answers").lines()
    assert shown[1] == "nobody\\x1b answers"
