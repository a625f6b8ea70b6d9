"""Running the coordinator as a process: uvicorn, signals, an orderly stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn
import uvloop
from loguru import logger

from tenure.api.app import create_app
from tenure.api.connections import Connection, close_slow
from tenure.api.security import check_bind
from tenure.api.tls import check_tls
from tenure.coordinator.auditing import start_of
from tenure.coordinator.coordinator import Coordinator
from tenure.domain.errors import ConfigurationError, TenureError
from tenure.settings import Settings
from tenure.telemetry.tracing import Tracing, open_tracing

STOP_SECONDS = 10
_TICKS_A_SECOND = 10
"""uvicorn's."""
_SWITCH_INTERVAL = 0.0005
"""Seconds. The writer thread needs the GIL soon after each statement; 5 ms would starve it."""

_GC_THRESHOLDS = (50_000, 20, 50)
"""A batch makes thousands of objects and no cycles; the default of 700 looks at them again and
again."""


class Server(uvicorn.Server):
    """Answers everybody who waits before it closes connections, so a stop takes no time."""

    def __init__(self, config: uvicorn.Config, coordinator: Coordinator) -> None:
        super().__init__(config)
        self._coordinator = coordinator

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but an orderly stop ends with exit code 0, not with the signal again."""
        handled = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """The coordinator starts first, so that its ConfigurationError leaves `serve` as it is."""
        try:
            await self._coordinator.start()
        except BaseException:
            await self._coordinator.stop()
            raise
        await self._note_start()
        await super().startup(sockets=sockets)
        if sockets and self.started:
            host, port = sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            store = self._coordinator.store.url.render_as_string(hide_password=True)
            scheme = "https" if self.config.is_ssl else "http"
            logger.bind(url=f"{scheme}://{shown}:{port}", store=store).info("coordinator")

    async def _note_start(self) -> None:
        here = self._coordinator
        try:
            await here.auditing.note(start_of(here.id, here.settings))
        except TenureError as error:
            logger.bind(error=error.detail).warning("could not note this start in the audit")

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_A_SECOND == 0:
            closed = close_slow(
                list(self.server_state.connections), asyncio.get_running_loop().time()
            )
            if closed:
                logger.bind(connections=closed).warning("closed connections that were too slow")
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._coordinator.answer_waiting()
        await super().shutdown(sockets=sockets)


def build(settings: Settings, tracing: Tracing | None = None) -> Server:
    """A server for `settings`, not yet started. Without `tracing` the setting decides whether it
    traces. Raises ConfigurationError."""
    if check_bind(settings):
        logger.bind(host=settings.host).warning(
            "serving other machines without authentication because TENURE_INSECURE_BIND is set"
        )
    check_tls(settings.tls_certificate, settings.tls_key)
    if tracing is None and settings.tracing:
        tracing = open_tracing("tenure-coordinator")
    coordinator = Coordinator(settings, tracing=tracing)
    app = create_app(coordinator)
    config = uvicorn.Config(
        app,
        http=Connection,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,  # ours trust only what TENURE_TRUSTED_PROXIES names
        ws="none",
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        lifespan="on",
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_keep_alive=75,
        backlog=4096,
    )
    return Server(config, coordinator)


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the process's exit code.

    Raises ConfigurationError before anything is served.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL)
    gc.set_threshold(*_GC_THRESHOLDS)
    server = build(settings)
    # What the start made stays: a search through it would stop the loop for 60 ms again and again.
    gc.freeze()
    listening = _listen(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(sockets=[listening]))
    return 0 if server.started else 1


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        ) from None
    return listening
