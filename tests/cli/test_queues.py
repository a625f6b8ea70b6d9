from __future__ import annotations

import pytest

from tests.cli.typed import Typed


def test_queues_are_set_listed_and_put_back(tenure: Typed) -> None:
    words = ("--max-running", "3", "--rate", "10/s", "--aging", "5m")
    done = tenure("queues", "set", "cli-queue", *words, "-o", "json")
    assert done.code == 0
    assert (done.json["max_running"], done.json["aging_seconds"]) == (3, 300.0)
    assert (done.json["rate"]["count"], done.json["rate"]["per_seconds"]) == (10, 1.0)
    assert tenure("queues", "get", "cli-queue", "-o", "json").json["version"] == 1
    [line] = [line for line in tenure("queues", "ls").lines if line[0] == "cli-queue"]
    assert line[-1] == "0/3 running, 10/1s, aging 300s"
    done = tenure(
        "queues", "set", "cli-queue", "--rate", "none", "--max-running", "none", "-o", "json"
    )
    assert done.code == 0
    assert (done.json["rate"], done.json["max_running"]) == (None, None)
    assert tenure("queues", "set", "cli-queue", "--aging", "1m", "--version", "1").code == 6
    assert tenure("queues", "rm", "cli-queue").code == 0
    assert "cli-queue" not in tenure("queues", "ls").out


def test_queues_are_paused_and_resumed(tenure: Typed) -> None:
    done = tenure("queues", "pause", "cli-paused", "--reason", "flood")
    assert (done.code, done.lines[0][-1]) == (0, "paused: flood")
    told = tenure("queues", "get", "cli-paused", "-o", "json").json
    assert (told["paused_by"], told["pause_reason"]) == ("local", "flood")
    assert "flood" in tenure("queues", "get", "cli-paused").out
    done = tenure("queues", "resume", "cli-paused")
    assert (done.code, done.lines[0][0]) == (0, "cli-paused")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--max-running", "0"),
        ("--max-running", "many"),
        ("--rate", "10"),
        ("--rate", "10/fortnight"),
        ("--rate", "x/1s"),
        ("--aging", "soon"),
    ],
)
def test_settings_that_are_none(tenure: Typed, words: tuple[str, ...]) -> None:
    done = tenure("queues", "set", "cli-queue", *words)
    assert done.code in (1, 2)
    assert "Traceback" not in done.err
