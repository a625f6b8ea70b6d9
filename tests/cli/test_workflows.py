from __future__ import annotations

import re
from pathlib import Path

from tests.cli.test_jobs import NOBODY
from tests.cli.typed import Typed

FLOW = """
name: report
jobs:
  fetch: {type: greet, payload: {name: Ada}}
  left: {type: greet, payload: {name: Bob}, depends_on: [fetch]}
  right: {type: refuse, payload: "no", max_attempts: 1, depends_on: [fetch]}
  sum: {type: greet, payload: {name: Cy}, depends_on: [left, right]}
  mend: {type: greet, payload: {name: Di}, depends_on: [{key: right, on: failure}]}
"""


def submitted(tenure: Typed, text: str = FLOW, *words: str) -> str:
    done = tenure("workflows", "submit", "-", *words, stdin=text)
    assert done.code == 0, done.err
    return done.out.strip()


def test_a_file_is_submitted_and_followed_to_its_end(
    tenure: Typed, worker: str, tmp_path: Path
) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text(FLOW)
    done = tenure("workflows", "submit", str(file), "--watch", "-o", "table")
    assert done.code == 3, done.err
    head, *graph = done.out.splitlines()
    assert head.startswith("report ")
    assert head.endswith("failed: 3 completed, 1 failed, 1 skipped")
    assert [re.split(" {2,}(?=[a-z])", line)[0] for line in graph] == [
        "+ fetch", "|- + left", "`- ! right", "   |- - sum", "   `- + mend"
    ]  # fmt: skip
    assert "skipped (upstream_failed) and after left" in graph[3]
    workflow_id = head.split()[1]
    assert tenure("workflows", "show", workflow_id, "-o", "json").json["status"] == "failed"
    assert [line[0] for line in tenure("workflows", "ls", "-s", "failed", "-n", "1").lines] == [
        workflow_id
    ]


def test_it_is_shown_cancelled_and_retried(tenure: Typed) -> None:
    workflow_id = submitted(tenure)
    shown = tenure("workflows", "show", workflow_id).out.splitlines()
    assert shown[0].endswith("running: 4 blocked, 1 pending")
    assert shown[1].split() == [".", "fetch", "pending"]
    cancelled = tenure("workflows", "cancel", workflow_id, "--reason", "enough")
    assert cancelled.lines[0][2] == "cancelled"
    assert tenure("workflows", "show", workflow_id, "--watch").code == 4
    assert tenure("workflows", "retry", workflow_id).lines[0][2] == "running"
    tenure("workflows", "cancel", workflow_id)
    assert tenure("workflows", "retry", NOBODY).code == 5


def test_the_same_key_is_the_same_workflow(tenure: Typed) -> None:
    first = submitted(tenure, FLOW, "--key", "nightly-1")
    assert submitted(tenure, FLOW, "--key", "nightly-1") == first
    tenure("workflows", "cancel", first)


def test_what_is_wrong_with_a_file_is_said(tenure: Typed, tmp_path: Path) -> None:
    missing = tenure("workflows", "submit", str(tmp_path / "none.yaml"))
    assert (missing.code, "none.yaml: No such file or directory" in missing.err) == (2, True)
    for text, words in (
        ("jobs: {a: {type: greet, depends_on: [b]}}", "no job has the key b"),
        ("jobs: [\n\n", "neither YAML nor JSON: expected the node content, but found"),
        ("[1]", "must hold an object"),
        ("jobs: {a: {type: greet, depends_on: [a]}}", "a depends on itself"),
    ):
        done = tenure("workflows", "submit", "-", stdin=text)
        assert (done.code, words in done.err) == (2, True), done.err
