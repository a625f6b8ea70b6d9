"""`tenure tokens`."""

from __future__ import annotations

from tests.cli.typed import Typed
from tests.worker.running import Running


def test_a_token_is_made_used_and_revoked(asked: Typed, guarded: Running) -> None:
    words = ("--scope", "read", "--scope", "submit", "--expires", "90d")
    done = asked("tokens", "create", "ci", *words)
    assert done.code == 0
    token = done.out.strip()
    assert token.startswith("tnr_")
    assert token not in done.err
    program = Typed(guarded.url, TENURE_TOKEN=token)
    assert program("submit", "echo").code == 0
    assert program("users", "ls").code == 7
    [listed] = [line for line in asked("tokens", "ls").lines if line[2] == "ci"]
    assert listed[1:4] == ["api", "ci", "read, submit"]
    assert token not in asked("tokens", "ls", "-o", "json").out
    assert asked("tokens", "revoke", listed[0]).code == 0
    assert program("jobs", "ls").code == 7
    assert asked("tokens", "revoke", listed[0]).code == 5


def test_wrong_wishes(asked: Typed) -> None:
    assert asked("tokens", "create", "x", "--expires", "soon").code == 2
    assert asked("tokens", "create", "x", "--scope", "all").code == 2
    assert asked("tokens", "create", "x", "--queue", "a").code == 2


def test_a_worker_token(asked: Typed, guarded: Running) -> None:
    made = asked("tokens", "create", "w", "--worker", "--queue", "gpu", "-o", "json").json
    assert (made["kind"], made["queues"]) == ("worker", ["gpu"])
    worker = Typed(guarded.url, TENURE_TOKEN=made["token"])
    assert worker("jobs", "ls").code == 7
    assert worker("whoami", "-o", "json").json[0]["queues"] == ["gpu"]
    assert worker("worker", "--queues", "other").code == 7
