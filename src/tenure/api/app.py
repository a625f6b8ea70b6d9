"""The Litestar application over one coordinator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.datastructures import State
from litestar.middleware import DefineMiddleware
from litestar.types import ASGIApp

from tenure.api import (
    aliases,
    audit,
    auth,
    dashboard,
    deadletters,
    events,
    history,
    jobs,
    leases,
    limits,
    metrics,
    notifications,
    openapi,
    operations,
    problems,
    queues,
    schedules,
    system,
    tokens,
    users,
    workers,
    workflows,
)
from tenure.api.authentication import Authenticator
from tenure.api.exchange import Incoming
from tenure.api.gate import Gate
from tenure.api.proxies import Proxied
from tenure.api.security import check_routes
from tenure.background.duties import Duties
from tenure.coordinator.coordinator import Coordinator
from tenure.domain.notification import ChannelKind
from tenure.notify.apprise import Apprise
from tenure.notify.channel import Channel
from tenure.notify.email import Email
from tenure.notify.webhook import Webhook
from tenure.outgoing.addresses import AllowList
from tenure.settings import Settings

ROUTES = [
    *jobs.ROUTES,
    *history.ROUTES,
    *leases.ROUTES,
    *workers.ROUTES,
    *limits.ROUTES,
    *queues.ROUTES,
    *operations.ROUTES,
    *workflows.ROUTES,
    *schedules.ROUTES,
    *deadletters.ROUTES,
    *audit.ROUTES,
    *notifications.ROUTES,
    *auth.ROUTES,
    *users.ROUTES,
    *tokens.ROUTES,
    *system.ROUTES,
    *metrics.ROUTES,
    *events.ROUTES,
    *aliases.ROUTES,
    *openapi.ROUTES,
]


def create_app(coordinator: Coordinator) -> Litestar:
    """The app that serves `coordinator` and runs its background duties while it lives.

    Raises ConfigurationError when a route declares no permission.
    """

    duties = _duties(coordinator)
    settings = coordinator.settings

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await coordinator.start()
        try:
            async with duties.running():
                yield
        finally:
            await coordinator.stop()

    app = Litestar(
        route_handlers=[*ROUTES, *dashboard.ROUTES],
        middleware=[
            DefineMiddleware(
                Authenticator,
                authentication=coordinator.authentication if settings.auth == "required" else None,
            )
        ],
        request_class=Incoming,
        exception_handlers=problems.HANDLERS,
        lifespan=[lifespan],
        state=State({"coordinator": coordinator, "duties": duties}),
        request_max_body_size=settings.limits.body + 4096,
        logging_config=None,
        openapi_config=None,
    )
    app.asgi_handler = _guarded(app.asgi_handler, settings)
    check_routes(app)
    app.state.openapi = openapi.build(ROUTES)
    return app


def _guarded(handler: ASGIApp, settings: Settings) -> ASGIApp:
    """Around the router too: Litestar runs its own middleware only on paths that lead somewhere."""
    gate = Gate(handler, settings)
    return Proxied(gate, settings.trusted_proxies) if settings.trusted_proxies else gate


def _duties(here: Coordinator) -> Duties:
    duties = Duties(
        committer=here.committer,
        reader=here.reader,
        source=here.store,
        clock=here.clock,
        terms=here.terms,
        settings=here.settings,
        random=here.random,
        insight=here.insight,
        counted=here.count_coordinators,
        look_again=here.look_again,
        ways=_ways(here.settings),
        delivered=here.metrics.has_delivered,
        timed=here.metrics.has_ticked,
    )
    here.on_commit(duties.committed)
    here.operations.on_begun(duties.operation_begun)
    here.notifying.on_message(duties.message_waits)
    return duties


def _ways(settings: Settings) -> dict[str, Channel]:
    """How to speak over each kind of channel."""
    allowed = AllowList.parse(settings.http_allow, "TENURE_HTTP_ALLOW")
    return {
        ChannelKind.WEBHOOK: Webhook(allowed),
        ChannelKind.EMAIL: Email(settings.smtp_url, settings.smtp_from),
        ChannelKind.APPRISE: Apprise(allowed),
    }
