"""What `tenure login` keeps."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from tenure.client.credentials import Credentials, Kept
from tenure.client.target import credentials_file
from tenure.domain.clock import SECOND, wall_now
from tenure.domain.errors import ConfigurationError, Unauthenticated
from tenure.wire.access import LoggedIn

URL = "http://127.0.0.1:5000"


def told(number: int) -> LoggedIn:
    return LoggedIn(
        token=f"t{number}", refresh_token=f"r{number}", expires_in=900, user_id="u", email=None,
        role="user",
    )  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path) -> Credentials:
    return Credentials(tmp_path / "tenure" / "credentials.json")


def test_each_coordinator_has_its_own(kept: Credentials, tmp_path: Path) -> None:
    assert kept.get(URL) is None
    kept.keep(URL, None)
    kept.keep(URL, Kept("a", "ann"))
    kept.keep("https://jobs.example.org", Kept("b", "bob", "r", 5.0))
    assert kept.get(URL + "/") == Kept("a", "ann")
    assert kept.get("https://jobs.example.org") == Kept("b", "bob", "r", 5.0)
    kept.keep(URL, None)
    assert kept.get(URL) is None
    assert kept.get("https://jobs.example.org") is not None
    file = tmp_path / "tenure" / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {item.name for item in file.parent.iterdir()} == {
        "credentials.json", "credentials.lock",
    }  # fmt: skip


def test_a_file_that_others_could_read_is_replaced(kept: Credentials, tmp_path: Path) -> None:
    kept.keep(URL, Kept("a", "ann"))
    file = tmp_path / "tenure" / "credentials.json"
    file.chmod(0o644)
    kept.keep(URL, Kept("b", "ann"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_login_expires_where_it_was_told(kept: Credentials) -> None:
    login = Kept.of(told(1), "ann")
    assert login.expires_at is not None
    assert abs(login.expires_at - 900 - wall_now() / SECOND) < 60
    assert (login.token, login.refresh_token, login.name) == ("t1", "r1", "ann")


def test_many_renew_once(kept: Credentials) -> None:
    used = Kept("t0", "ann", "r0", 1.0)
    kept.keep(URL, used)
    shown: list[str] = []
    found: list[Kept] = []

    def renew(refresh_token: str) -> LoggedIn:
        shown.append(refresh_token)
        return told(1)

    threads = [
        threading.Thread(target=lambda: found.append(kept.renewed(URL, used, renew)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown == ["r0"]
    assert {one.token for one in found} == {"t1"}


def test_a_login_that_has_ended_is_forgotten(kept: Credentials) -> None:
    used = Kept("t0", "ann", "r0", 1.0)
    kept.keep(URL, used)

    def renew(_: str) -> LoggedIn:
        raise Unauthenticated("no")

    with pytest.raises(Unauthenticated, match="tenure login"):
        kept.renewed(URL, used, renew)
    assert kept.get(URL) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", json.dumps({URL: {"x": 1}})])
def test_a_broken_file_is_told(kept: Credentials, tmp_path: Path, text: str) -> None:
    file = tmp_path / "tenure" / "credentials.json"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="log in again"):
        kept.get(URL)


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert credentials_file({"XDG_CONFIG_HOME": "/x"}) == Path("/x/tenure/credentials.json")
    monkeypatch.setenv("HOME", "/home/ann")
    assert credentials_file({}) == Path("/home/ann/.config/tenure/credentials.json")
