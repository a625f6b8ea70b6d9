from __future__ import annotations

import json

import pytest

from tests.cli.typed import Typed
from tests.client.scripted import Reply, free_port, scripted

NUMBERS = (
    b'{"as_of":"2026-01-31T08:30:00Z","active":{"pending":2,"running":0},"workers":1,"slots":4,'
    b'"totals":{},"start_delay_seconds":{}}'
)
STREAM = (
    b"id: a-1\nevent: stats\ndata: %b\n\n"
    b'id: a-2\nevent: change\ndata: {"topic":"queue:a\\u001b"}\n\n'
    b"id: a-3\nevent: resync\ndata: {}\n\n" % NUMBERS
)


def test_what_happens_is_told_line_by_line(tenure: Typed) -> None:
    done = tenure("events", "-n", "1")
    assert (done.code, done.err) == (0, "")
    assert "slots" in done.out
    (line,) = tenure("events", "--topic", "stats", "-n", "1", "-o", "json").out.splitlines()
    told = json.loads(line)
    assert (told["kind"], "active" in told["stats"]) == ("stats", True)


def test_each_kind_is_one_line(tenure: Typed) -> None:
    probe = Reply(body=tenure("stats", "-o", "json").out.encode())
    for form, expected in (
        ("table", ["08:30:00 2 pending; workers 1, slots 4", "change queue:a\\x1b", "resync"]),
        ("csv", ["id,event,topic,stats", "a-1,stats,", "a-2,change,queue:a\\x1b,", "a-3,resync,,"]),
    ):
        with scripted(probe, Reply(body=STREAM)) as server:
            words = ("-t", "queue:a", "-t", "stats", "--after", "a-0", "-n", "3", "-o", form)
            lines = tenure("events", *words, "--url", server.url).out.splitlines()
        asked = server.asked[1]
        assert asked.path == "/api/events?topics=queue%3Aa%2Cstats"
        assert asked.headers["Last-Event-ID"] == "a-0"
        assert len(lines) == len(expected)
        assert all(line.startswith(start) for line, start in zip(lines, expected, strict=True))


@pytest.mark.parametrize(
    ("topic", "code", "text"),
    [("statz", 2, "did you mean stats?"), ("job:01900000-0000-7000-8000-000000000000", 5, "job")],
)
def test_what_cannot_be_heard_is_said(tenure: Typed, topic: str, code: int, text: str) -> None:
    done = tenure("events", "--topic", topic)
    assert (done.code, done.out) == (code, "")
    assert text in done.err


def test_nobody_there_is_said_at_once() -> None:
    done = Typed(f"http://127.0.0.1:{free_port()}")("events")
    assert (done.code, done.out) == (8, "")
