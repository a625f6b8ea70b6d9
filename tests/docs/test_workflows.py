"""What the page on workflows shows is what the coordinator takes."""

from __future__ import annotations

import json

import pytest

from tenure.cli.yaml import load
from tenure.coordinator import graphs
from tenure.domain.edges import Condition, Join
from tenure.domain.job import Reason
from tenure.settings import Settings
from tests.builders import NOW
from tests.docs.markdown import ROOT, blocks, rows

PAGE = ROOT / "docs" / "workflows.md"
pytestmark = pytest.mark.anyio


async def test_the_example_is_the_file_and_a_workflow() -> None:
    (shown,) = blocks(PAGE, "yaml")
    assert shown.text.strip() == (ROOT / "examples" / "flow.yaml").read_text("utf-8").strip()
    flow = load(shown.text)
    flow["jobs"] = [{"key": key, **job} for key, job in flow["jobs"].items()]
    graph = await graphs.check(json.dumps(flow).encode(), Settings().limits, NOW, None)
    assert [len(tie.depends_on) for tie in graph.ties] == [0, 1, 1, 2, 1]


def test_every_condition_and_join_is_told() -> None:
    told = {row[0].split()[0].strip("`") for row in rows(PAGE)}
    assert set(Condition) | set(Join) <= told
    text = PAGE.read_text("utf-8")
    for reason in (Reason.DEPENDENCIES, Reason.UPSTREAM_FAILED, Reason.CONDITION):
        assert f"`{reason}`" in text
