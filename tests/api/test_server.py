"""The server around the application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from time import perf_counter

import httpx
import pytest

from tenure.api.server import build
from tenure.domain.errors import ConfigurationError
from tenure.settings import Settings
from tests.api.calls import fresh_queue
from tests.postgres import free_port

pytestmark = pytest.mark.anyio


async def test_a_stop_answers_everybody_at_once(tmp_path: Path) -> None:
    port = free_port()
    server = build(Settings(database_url=f"sqlite:///{tmp_path}/t.db", port=port))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    listening = socket.socket()
    listening.bind(("127.0.0.1", port))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.005)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        queue = fresh_queue()
        worker = {"name": "w", "queues": [queue], "types": [{"name": "echo"}]}
        told = (await client.post("/api/workers/register", json=worker)).json()
        job = (await client.post("/api/jobs", json={"type": "other", "queue": queue})).json()
        poll = {
            "worker_id": told["worker_id"], "queues": [queue], "types": ["echo"], "slots": 1,
            "wait_seconds": 30,
        }  # fmt: skip
        waiting = [
            asyncio.create_task(client.post("/api/jobs/acquire", json=poll)),
            asyncio.create_task(client.get(f"/api/jobs/{job['id']}?wait=30")),
            asyncio.create_task(client.get(f"/api/jobs/{job['id']}/logs?follow=true")),
        ]
        await asyncio.sleep(0.1)
        began = perf_counter()
        server.should_exit = True
        answers = await asyncio.gather(*waiting)
        await running
        assert perf_counter() - began < 3
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json()["leases"] == []
    assert answers[1].json()["status"] == "pending"
    assert "event: end" not in answers[2].text


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_open_bind_without_authentication_is_refused(tmp_path: Path, host: str) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    with pytest.raises(ConfigurationError, match="TENURE_INSECURE_BIND"):
        build(Settings(database_url=url, host=host))
    assert build(Settings(database_url=url, host=host, insecure_bind=True)).config.host == host


def test_the_answers_name_no_server(tmp_path: Path) -> None:
    config = build(Settings(database_url=f"sqlite:///{tmp_path}/t.db")).config
    assert (config.server_header, config.access_log) == (False, False)
