"""Numbers and probes."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import FromQuery, QueryParameter

from tenure import __version__
from tenure.api.exchange import Answer, Ask, answer, coordinator
from tenure.api.security import allow
from tenure.coordinator.queries import word
from tenure.domain.access import Permission
from tenure.wire import system


@get(
    "/api/stats",
    operation_id="get_stats",
    summary="Counts, totals, delays and durations",
    opt=allow(Permission.READ, answers={200: system.Stats}),
)
async def stats(request: Ask) -> Answer:
    return answer(await coordinator(request).insight.stats())


@get(
    "/api/stats/series",
    operation_id="get_series",
    summary="Numbers over time, for charts",
    opt=allow(Permission.READ, answers={200: system.Series}),
)
async def series(
    request: Ask,
    range_seconds: FromQuery[int] = 3_600,
    queue: FromQuery[str | None] = None,
    type_: Annotated[str | None, QueryParameter(name="type")] = None,
) -> Answer:
    charts = coordinator(request).charts
    return answer(await charts.series(range_seconds, word("queue", queue), word("type", type_)))


@get(
    "/api/handlers",
    operation_id="list_handlers",
    summary="The types that workers offer, with their schemas and the last hour's numbers",
    opt=allow(Permission.READ, answers={200: system.Handlers}),
)
async def handlers(request: Ask) -> Answer:
    return answer(await coordinator(request).charts.handlers())


@get(
    "/api/autoscale",
    operation_id="get_autoscale",
    summary="Demand of a queue, for an autoscaler",
    opt=allow(Permission.READ, answers={200: system.Autoscale}),
)
async def autoscale(request: Ask, queue: FromQuery[str] = "default") -> Answer:
    name = word("queue", queue) or queue
    return answer(await coordinator(request).insight.autoscale(name))


@get(
    "/health",
    operation_id="get_health",
    summary="Whether the process is alive",
    opt=allow(Permission.OPEN, answers={200: system.Health}),
)
async def health(request: Ask) -> Answer:
    return answer(system.Health(status="ok", version=__version__))


@get(
    "/health/ready",
    operation_id="get_readiness",
    summary="Whether the store takes writes and the duties beat",
    opt=allow(Permission.OPEN, answers={200: system.Readiness, 503: system.Readiness}),
)
async def ready(request: Ask) -> Answer:
    return readiness(request)


def readiness(request: Ask) -> Answer:
    """Every duty beats; the pulse writes, so it stands for the store as well."""
    beating: dict[str, bool] = request.app.state.duties.beating()
    checks = [system.Check(name=name, ok=ok) for name, ok in beating.items()]
    checks.append(system.Check(name="store", ok=beating["pulse"]))
    good = all(check.ok for check in checks)
    found = system.Readiness(status="ok" if good else "failing", checks=checks)
    return answer(found, 200 if good else 503)


ROUTES = [stats, series, handlers, autoscale, health, ready]
