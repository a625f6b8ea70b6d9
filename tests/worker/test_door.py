"""Jobs that handlers submit, wherever they run; what they are told of their parents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tenure import Context, handler
from tests.worker.process_handlers import adds
from tests.worker.running import Running

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["nobody", "everybody"])
def coordinator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """One that asks nobody for a token, and one that asks everybody."""
    running = Running(tmp_path)
    if request.param == "everybody":
        running.ask_everybody(tmp_path)
    with running:
        yield running


@handler("fan")
async def fan(payload: dict[str, int], ctx: Context) -> int:
    for n in range(payload["parts"]):
        await ctx.submit("part", {"n": n}, key=f"part-{n}")
    return payload["parts"]


@handler("part")
def part(payload: dict[str, int], ctx: Context) -> int:
    return payload["n"] * 10


@handler("sum")
async def total(ctx: Context) -> dict[str, Any]:
    return {key: parent.result for key, parent in sorted(ctx.parents.items())}


async def test_handlers_fan_out_and_in(coordinator: Running) -> None:
    jobs: Any = [
        {"key": "fan", "type": "fan", "payload": {"parts": 3}},
        {"key": "sum", "type": "sum", "depends_on": ["fan"]},
    ]
    async with coordinator.worker(fan, part, total), coordinator.client() as client:
        made = await client.submit_workflow(jobs)
        found = await client.wait_workflow(made.id, 30)
        assert (found.status, found.total) == ("completed", 5)
        last = next(node for node in found.nodes if node.key == "sum")
        job = await client.get(last.job_id)
        assert job.result == {"fan": 3, "part-0": 0, "part-1": 10, "part-2": 20}


async def test_a_child_process_submits_too(coordinator: Running) -> None:
    async with coordinator.worker(adds, part), coordinator.client() as client:
        made = await client.submit_workflow([{"key": "adds", "type": "adds"}])
        found = await client.wait_workflow(made.id, 30)
        nodes = {node.key: node for node in found.nodes}
        assert (found.status, sorted(nodes)) == ("completed", ["adds", "from-child"])
        assert (await client.get(nodes["adds"].job_id)).result == nodes["from-child"].job_id
