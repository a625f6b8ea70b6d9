"""`tenure users`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.typed import Typed
from tests.worker.running import Running


def test_an_account_from_its_making_to_its_end(
    asked: Typed, guarded: Running, tmp_path: Path
) -> None:
    done = asked("users", "add", "wendy@example.org", "--role", "viewer", stdin="long enough\n")
    assert done.code == 0
    assert done.lines[0][1:4] == ["wendy@example.org", "viewer", "no"]
    assert asked("users", "add", "wendy@example.org", stdin="long enough\n").code == 6
    assert asked("users", "add", "short", stdin="short\n").code == 2
    assert asked("users", "role", "wendy@example.org", "user").lines[0][2] == "user"
    assert asked("users", "role", "wendy@example.org", "root").code == 2
    assert asked("users", "disable", "wendy@example.org").lines[0][3] == "yes"
    wendy = Typed(guarded.url, XDG_CONFIG_HOME=str(tmp_path))
    assert wendy("login", "wendy@example.org", stdin="long enough\n").code == 7
    assert asked("users", "enable", "wendy@example.org").lines[0][3] == "no"
    assert asked("users", "passwd", "wendy@example.org", stdin="another one\n").code == 0
    assert wendy("login", "wendy@example.org", stdin="another one\n").code == 0
    assert wendy("users", "passwd", stdin="wrong\nthe third one\n").code == 7
    assert wendy("users", "passwd", stdin="another one\nthe third one\n").code == 0
    assert wendy("whoami").code == 0
    assert asked("users", "rm", "wendy@example.org").code == 0
    assert wendy("whoami").code == 7
    assert asked("users", "rm", "wendy@example.org").code == 5


def test_the_last_administrator_stays(asked: Typed) -> None:
    for words in (("role", "admin", "user"), ("disable", "admin"), ("rm", "admin")):
        done = asked("users", *words)
        assert done.code == 6
        assert "last administrator" in done.err


def test_an_account_for_tokens(asked: Typed) -> None:
    done = asked("users", "add", "robot", "--email", "r@example.org", "--no-password", "-o", "json")
    assert (done.json[0]["name"], done.json[0]["has_password"]) == ("robot", False)
