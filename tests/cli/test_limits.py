from __future__ import annotations

from tests.cli.typed import Typed


def test_limits_are_set_listed_and_removed(tenure: Typed) -> None:
    done = tenure("limits", "set", "cli-key", "3")
    assert (done.code, done.lines) == (0, [["cli-key", "3", "0", "0", "0"]])
    assert tenure("limits", "get", "cli-key").lines == done.lines
    assert done.lines[0] in tenure("limits", "ls").lines
    words = ("submit", "idle", "--concurrency-key", "cli-key", "--after", "1h", "-o", "json")
    assert tenure(*words).code == 0
    assert tenure("limits", "rm", "cli-key").code == 0
    assert tenure("limits", "get", "cli-key").lines[0][1] == "1"


def test_a_key_may_hold_slashes(tenure: Typed) -> None:
    done = tenure("limits", "set", "team/a", "2")
    assert (done.code, done.lines) == (0, [["team/a", "2", "0", "0", "0"]])
    assert tenure("limits", "get", "team/a").lines == done.lines
    assert tenure("limits", "rm", "team/a").code == 0


def test_a_unique_key_on_the_command_line(tenure: Typed) -> None:
    first = tenure("submit", "idle", "--unique", "cli-unique", "-o", "json").json
    again = tenure("submit", "idle", "--unique", "cli-unique", "-o", "json").json
    assert (again["id"], again["existing"]) == (first["id"], True)
    words = ("--unique", "cli-unique", "--unique-scope", "1h", "--on-conflict", "reject")
    assert tenure("submit", "idle", *words).code == 6
    assert tenure("submit", "idle", "--on-conflict", "reject").code == 2
