"""The how-to pages and the pages of concepts: what they show is run."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.docs.markdown import ROOT, blocks
from tests.docs.terminal import Terminal, file_of

DOCS = ROOT / "docs"
LONG = DOCS / "howto" / "long-jobs.md"


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A coordinator, and the worker of the page about long jobs."""
    terminal = Terminal(tmp_path_factory.mktemp("howto"))
    try:
        terminal.start("tenure coordinator")
        terminal.until_ready()
        (handler,) = blocks(LONG, "python")
        name, text = file_of(handler.text)
        (terminal.directory / name).write_text(text, "utf-8")
        worker, _ = blocks(LONG, "sh")
        terminal.start(worker.text)
        terminal.until_offered("copy")
        yield terminal
    finally:
        terminal.close()


def test_a_long_job(terminal: Terminal) -> None:
    _, submit = blocks(LONG, "sh")
    shown = terminal.shell(submit.text)
    assert "completed" in shown
    listed = json.loads(terminal.shell("tenure jobs ls --tag nightly -o json"))
    assert [job["result"] for job in listed] == [100]
    assert "100 files are there" in terminal.shell(f"tenure jobs logs -f {listed[0]['id']}")


def test_retries_in_python(terminal: Terminal) -> None:
    (block,) = blocks(DOCS / "retries.md", "python")
    terminal.python(block.text)
    fixed, given = json.loads(terminal.shell("tenure jobs ls --type echo -o json"))[::-1]
    assert (fixed["max_attempts"], fixed["retry_policy"]["strategy"]) == (6, "fixed")
    assert given["retry_policy"]["initial_delay_seconds"] == 0.5


def test_demand_for_an_autoscaler(terminal: Terminal) -> None:
    (curl,) = [
        block
        for block in blocks(DOCS / "howto" / "deploy-workers.md", "sh")
        if block.text.startswith("curl")
    ]
    assert "demand" in json.loads(terminal.shell(curl.text))


def test_the_worker_in_another_language(terminal: Terminal) -> None:
    start, submit = blocks(DOCS / "howto" / "worker-in-another-language.md", "sh")
    terminal.start(start.text.replace("examples/", f"{ROOT}/examples/"))
    terminal.until_offered("shout")
    assert "HELLO" in terminal.shell(submit.text)
