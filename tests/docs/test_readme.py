from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.docs.markdown import ROOT, Block, blocks
from tests.docs.terminal import Terminal, file_of, readme

BLOCKS = blocks(readme())
PROTOCOL = ROOT / "docs" / "protocol.md"


def block(begin: str) -> Block:
    """The one block of the README that begins so."""
    (found,) = [one for one in BLOCKS if one.text.startswith(begin)]
    return one_of(found)


def one_of(found: Block) -> Block:
    assert found.language in ("sh", "python")
    return found


COORDINATOR = block("tenure coordinator")
WORKER = block("tenure worker  ")
CURL = block("curl")
COMMANDS = block("tenure submit echo")
PYTHON = block("from tenure import Client")
HANDLER = block("# thumbnails.py")
OWN_WORKER = block("tenure worker thumbnails.py")
OWN_SUBMIT = block("tenure submit thumbnail")
WHEN = block("tenure schedules add")

ELSEWHERE = {
    block("./demo.sh"): "test_demo.py runs the first line; the second is this run",
    block("deploy/bootstrap.sh run"): "demo.sh begins with it",
    block("docker compose"): "tests/meta/test_containers.py checks its facts",
}


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """The two terminals of the README: its coordinator and its worker are running."""
    terminal = Terminal(tmp_path_factory.mktemp("readme"))
    try:
        terminal.start(COORDINATOR.text)
        terminal.until_ready()
        terminal.start(WORKER.text)
        terminal.until_offered("echo")
        yield terminal
    finally:
        terminal.close()


def test_every_block_is_run_somewhere() -> None:
    run = {COORDINATOR, WORKER, CURL, COMMANDS, PYTHON, HANDLER, OWN_WORKER, OWN_SUBMIT, WHEN}
    assert set(BLOCKS) == run | set(ELSEWHERE)


def test_the_database_is_where_the_readme_says(terminal: Terminal) -> None:
    assert "./tenure.db" in COORDINATOR.text
    assert (terminal.directory / "tenure.db").exists()


def test_curl(terminal: Terminal) -> None:
    job = json.loads(terminal.shell(CURL.text))
    assert (job["status"], job["result"]) == ("completed", {"hello": "world"})
    assert json.loads(terminal.shell(CURL.text))["id"] == job["id"]


def test_the_command_line(terminal: Terminal) -> None:
    shown = terminal.shell(COMMANDS.text)
    assert "completed" in shown
    with httpx.Client(base_url=f"http://127.0.0.1:{terminal.port}") as client:
        (later,) = client.get("/api/jobs", params={"tag": "later"}).json()["items"]
        (sample,) = client.get("/api/jobs", params={"type": "sample"}).json()["items"]
    assert later["status"] == "scheduled"
    assert (sample["status"], sample["priority"]) == ("completed", 10)


def test_what_decides_when_and_whether(terminal: Terminal) -> None:
    shown = terminal.shell(WHEN.text)
    assert "both" in shown
    with httpx.Client(base_url=f"http://127.0.0.1:{terminal.port}") as client:
        (schedule,) = client.get("/api/schedules").json()["items"]
        (workflow,) = client.get("/api/workflows").json()["items"]
        assert client.get("/api/limits/printer").json()["max_running"] == 2
    assert (schedule["name"], schedule["timezone"]) == ("morning", "Europe/Berlin")
    assert (workflow["status"], workflow["jobs"]) == ("completed", {"completed": 4})


def test_python(terminal: Terminal) -> None:
    assert terminal.python(PYTHON.text).splitlines() == [
        "completed {'hello': 'world'}",
        "1000 more",
    ]


def test_a_handler_of_ones_own(terminal: Terminal) -> None:
    name, text = file_of(HANDLER.text)
    (terminal.directory / name).write_text(text, "utf-8")
    terminal.start(OWN_WORKER.text)
    terminal.until_offered("thumbnail")
    assert "cat.png.64.jpg" in terminal.shell(OWN_SUBMIT.text)


def test_a_handler_takes_about_ten_lines() -> None:
    code = [line for line in HANDLER.text.splitlines()[1:] if line.strip()]
    assert len(code) <= 10


def test_the_call_of_the_protocol_page(terminal: Terminal) -> None:
    (curl,) = blocks(PROTOCOL, "sh")
    assert json.loads(terminal.shell(curl.text))["type"] == "echo"


def test_the_error_of_the_protocol_page(terminal: Terminal) -> None:
    (shown,) = blocks(PROTOCOL, "json")
    answer = httpx.post(
        f"http://127.0.0.1:{terminal.port}/api/jobs", json={"type": "echo", "max_retry": 1}
    )
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json() == json.loads(shown.text)


def test_the_backup_of_the_operations_page(terminal: Terminal) -> None:
    (by_python,) = [
        one for one in blocks(ROOT / "docs" / "operations.md", "sh") if "python3 -c" in one.text
    ]
    terminal.shell(by_python.text.replace("python3", "python"))
    assert Path(terminal.directory / "backup.db").stat().st_size > 0
