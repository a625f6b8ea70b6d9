"""`tenure login`, `logout`, `whoami`, on a coordinator that asks everybody."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import httpx
import pytest

from tests.cli.typed import Typed
from tests.worker.running import Running

PASSWORD = "correct horse battery"


@pytest.fixture
def ann(asked: Typed, guarded: Running) -> str:
    """A new user's name."""
    name = f"ann-{len(asked('users', 'ls', '-o', 'json').json)}"
    assert asked("users", "add", name, stdin=PASSWORD + "\n").code == 0
    return name


def test_nobody_is_let_in(asked: Typed, guarded: Running, tmp_path: Path) -> None:
    stranger = Typed(guarded.url, XDG_CONFIG_HOME=str(tmp_path))
    for words in (("whoami",), ("jobs", "ls"), ("submit", "echo"), ("users", "ls")):
        done = stranger(*words)
        assert done.code == 7, done
        assert done.out == ""
        assert "token" in done.err
    stranger = Typed(guarded.url, XDG_CONFIG_HOME=str(tmp_path), TENURE_TOKEN="tnr_wrong")
    assert stranger("whoami").code == 7


def test_a_login_is_kept_for_its_user_only(
    asked: Typed, guarded: Running, ann: str, tmp_path: Path
) -> None:
    mine = Typed(guarded.url, XDG_CONFIG_HOME=str(tmp_path))
    assert mine("login", ann, stdin="wrong\n").code == 7
    assert mine("login", ann, stdin="").code == 2
    done = mine("login", ann, stdin=PASSWORD + "\n")
    assert (done.code, done.out) == (0, "")
    assert PASSWORD not in done.err
    kept = tmp_path / "tenure" / "credentials.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    me = mine("whoami", "-o", "json").json[0]
    assert (me["name"], me["role"], me["kind"]) == (ann, "user", "user")
    assert mine("submit", "echo").code == 0
    assert mine("users", "ls").code == 7
    elsewhere = Typed("http://127.0.0.1:1", XDG_CONFIG_HOME=str(tmp_path))
    assert elsewhere("whoami").code == 8
    assert mine("logout").code == 0
    assert json.loads(kept.read_text()) == {}
    assert mine("whoami").code == 7
    assert mine("logout").code == 0


def test_a_login_is_renewed_before_its_token_ends(
    asked: Typed, guarded: Running, ann: str, tmp_path: Path
) -> None:
    mine = Typed(guarded.url, XDG_CONFIG_HOME=str(tmp_path))
    mine("login", ann, stdin=PASSWORD + "\n")
    kept = tmp_path / "tenure" / "credentials.json"
    before = json.loads(kept.read_text())
    before[guarded.url]["expires_at"] -= 900
    kept.write_text(json.dumps(before))
    assert mine("whoami").code == 0
    after = json.loads(kept.read_text())
    assert after[guarded.url]["refresh_token"] != before[guarded.url]["refresh_token"]
    assert after[guarded.url]["expires_at"] > before[guarded.url]["expires_at"]
    assert mine("whoami").code == 0
    # Somebody used the refresh token as well: the login is over, and forgotten.
    used = {"refresh_token": before[guarded.url]["refresh_token"]}
    assert httpx.post(f"{guarded.url}/api/auth/refresh", json=used).status_code == 401
    after[guarded.url]["expires_at"] -= 900
    kept.write_text(json.dumps(after))
    done = mine("whoami")
    assert done.code == 7
    assert "tenure login" in done.err
    assert json.loads(kept.read_text()) == {}


def test_a_token_in_a_file(asked: Typed, guarded: Running, tmp_path: Path) -> None:
    mine = Typed(guarded.url, XDG_CONFIG_HOME=str(tmp_path))
    assert mine("login", "--token-file", str(tmp_path / "none")).code == 2
    (tmp_path / "bad").write_text("tnr_bad\n")
    assert mine("login", "--token-file", str(tmp_path / "bad")).code == 7
    (tmp_path / "good").write_text(asked("tokens", "create", "x").out)
    assert mine("login", "--token-file", str(tmp_path / "good")).code == 0
    assert mine("whoami", "-o", "json").json[0]["kind"] == "api_token"
    assert mine("logout").code == 0


def test_a_broken_file_says_what_to_do(guarded: Running, tmp_path: Path) -> None:
    kept = tmp_path / "tenure" / "credentials.json"
    kept.parent.mkdir()
    for text in ("{", "[]", json.dumps({guarded.url: {"nonsense": 1}})):
        kept.write_text(text)
        done = Typed(guarded.url, XDG_CONFIG_HOME=str(tmp_path))("whoami")
        assert done.code == 1
        assert "log in again" in done.err
