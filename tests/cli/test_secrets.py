"""A secret on the command line's way: real processes, all they print, and what the CLI shows."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.typed import Done, beside, spawn
from tests.postgres import free_port

CANARY = "canary-51d8be"
HANDLERS = """
from pydantic import BaseModel, SecretStr
from tenure import Context, Fail, handler


class Login(BaseModel):
    user: str
    password: SecretStr
    broken: bool = False


@handler("login")
async def login(payload: Login, ctx: Context) -> dict[str, str]:
    ctx.log.info(f"logging in {payload}")
    if payload.broken:
        raise Fail(f"could not log in {payload!r}")
    assert payload.password.get_secret_value() == "CANARY"
    return {"user": payload.user}
""".replace("CANARY", CANARY)


class System:
    """`tenure dev` with one handler that takes a secret."""

    def __init__(self, directory: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        (directory / "handlers.py").write_text(HANDLERS)
        self.process: subprocess.Popen[str] = beside(
            "dev", str(directory / "handlers.py"), "--port", self.url.rpartition(":")[2],
            "--database-url", f"sqlite:///{directory}/t.db", "--log-level", "trace",
        )  # fmt: skip
        self.shown: list[str] = []

    def __call__(self, *words: str) -> Done:
        done = spawn(*words, TENURE_COORDINATOR_URL=self.url)
        self.shown.append(f"{words} {done.out} {done.err}")
        return done

    def submit(self, payload: dict[str, Any], *words: str) -> Done:
        done = spawn("submit", "login", json.dumps(payload), *words,
                     TENURE_COORDINATOR_URL=self.url)  # fmt: skip
        self.shown.append(done.out + done.err)
        return done

    def end(self) -> str:
        """Stop it; all it printed."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=30)
        return out + err


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    found = System(tmp_path)
    until = time.monotonic() + 60
    while "login" not in found("workers", "ls", "-o", "json").out and time.monotonic() < until:
        assert found.process.poll() is None
    yield found
    if found.process.poll() is None:
        found.end()


def test_no_command_and_no_log_shows_a_secret(system: System) -> None:
    good = {"user": "ann", "password": CANARY}
    done = system.submit(good, "--wait", "-o", "json")
    assert (done.code, done.json["result"]) == (0, {"user": "ann"})
    assert done.json["payload"]["password"] == "********"
    failed = system.submit(good | {"broken": True}, "--wait", "-o", "json")
    assert failed.code == 3
    wrong = system.submit({"user": 5, "password": [CANARY]}, "--wait", "-o", "json")
    assert (wrong.code, wrong.json["error"]["type"]) == (3, "InvalidPayload")
    waits = system.submit(good, "--after", "1h", "-o", "json").json["id"]
    edited = system("jobs", "edit", waits, "--priority", "3", "-o", "json")
    assert edited.code == 0, edited.err
    for job_id in (failed.json["id"], wrong.json["id"], waits):
        for word in ("get", "runs", "logs", "events", "why"):
            assert system("jobs", word, job_id, "-o", "json").code == 0
    for words in (("jobs", "ls"), ("dlq", "ls"), ("audit",), ("stats",), ("workers", "ls")):
        assert system(*words, "-o", "json").code == 0
    assert [text for text in system.shown if CANARY in text] == []
    printed = system.end()
    assert "login" in printed
    assert CANARY not in printed
