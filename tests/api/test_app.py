"""The application as a whole: its routes, its life, its limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import get

from tenure.api import app as application
from tenure.coordinator.coordinator import Coordinator
from tenure.domain.errors import ConfigurationError
from tenure.settings import Limits, Settings
from tests.api.calls import Api, fresh_queue, problem

pytestmark = pytest.mark.anyio


@get("/forgotten", sync_to_thread=False)
def forgotten() -> str:
    return "secret"


def test_a_forgotten_permission_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator = Coordinator(Settings(database_url=f"sqlite:///{tmp_path}/t.db"))
    monkeypatch.setattr(application, "ROUTES", [*application.ROUTES, forgotten])
    with pytest.raises(ConfigurationError, match="/forgotten"):
        application.create_app(coordinator)


def test_no_two_routes_answer_the_same_call() -> None:
    calls = [
        (method, path)
        for handler in application.ROUTES
        for method in handler.http_methods
        for path in handler.paths
    ]
    assert len(calls) == len(set(calls))


async def test_the_store_is_closed_when_the_app_ends(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/t.db")
    for _ in range(2):
        app = application.create_app(Coordinator(settings))
        async with app.lifespan():
            with pytest.raises(ConfigurationError, match="another coordinator"):
                await Coordinator(settings).start()


async def test_limits_are_settings(tmp_path: Path) -> None:
    limits = Limits(payload=100, batch_jobs=2, body=10_000)
    settings = Settings(database_url=f"sqlite:///{tmp_path}/t.db", limits=limits)
    app: Any = application.create_app(Coordinator(settings))
    transport = httpx.ASGITransport(app=app)
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        job = {"type": "echo", "payload": "x" * 200}
        answer = await client.post("/api/jobs", json=job)
        assert "100 bytes" in problem(answer, 413, "too_large")["detail"]
        problem(await client.post("/api/jobs/batch", json=[{"type": "echo"}] * 3), 413)
        huge = [{"type": "echo", "name": "x" * 20_000}]
        problem(await client.post("/api/jobs/batch", json=huge), 413)


async def test_answers_are_json_without_the_name_of_a_server(api: Api) -> None:
    [job_id] = await api.submit(fresh_queue())
    for path in (f"/api/jobs/{job_id}", "/api/jobs", "/api/stats", "/health"):
        answer = await api.client.get(path)
        assert answer.headers["content-type"] == "application/json"
        assert "server" not in answer.headers
    problem(await api.client.get("/nothing"), 404, "not_found")
