"""Metrics in the text format of Prometheus."""

from __future__ import annotations

from litestar import Response, get

from tenure.api.exchange import Ask, coordinator
from tenure.api.security import allow
from tenure.coordinator.exposition import CONTENT_TYPE, expose
from tenure.domain.access import Permission

TEXT = "text/plain"


@get(
    "/metrics",
    operation_id="get_metrics",
    summary="Metrics for Prometheus, from memory",
    opt=allow(Permission.READ, answers={200: None}, streams=TEXT),
)
async def metrics(request: Ask) -> Response[bytes]:
    here = coordinator(request)
    beating: bool = request.app.state.duties.beating()["pulse"]
    body = expose(
        here.metrics,
        here.insight.latest,
        up=beating and here.insight.fresh(),
        store=here.store.dialect.name,
        now=here.clock.now(),
    )
    # As a header, since Litestar would add a second charset to a media type.
    return Response(body, headers={"Content-Type": CONTENT_TYPE})


ROUTES = [metrics]
