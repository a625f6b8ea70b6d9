"""A coordinator with a worker and jobs of every kind, and the pages that show them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request
from pydantic import BaseModel, Field

from tenure import Context, Fail, handler
from tests.worker.running import Running

PATIENCE_SECONDS = 60.0


class Greeting(BaseModel):
    """Whom to greet, and how."""

    name: str = Field(description="Whom to greet")
    times: int = Field(default=1, ge=1, le=5)
    loud: bool = False
    tags: list[str] = []


@handler("greet")
async def greet(payload: Greeting, ctx: Context) -> dict[str, Any]:
    ctx.log.info(f"hello {payload.name}")
    return {"greeted": payload.name, "times": payload.times}


@handler("refuse")
async def refuse(payload: Any) -> None:
    raise Fail(f"refused on purpose: {payload}")


@handler("linger")
async def linger(ctx: Context) -> None:
    """Runs until it is cancelled."""
    ctx.progress(0.5, "half way")
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(600)
    ctx.raise_if_cancelled()


HANDLERS = (greet, refuse, linger)


@dataclass
class Shop:
    """Calls on a coordinator."""

    api: httpx.Client

    def submit(self, type_: str, payload: Any = None, **more: Any) -> dict[str, Any]:
        """A new job."""
        answer = self.api.post("/api/jobs", json={"type": type_, "payload": payload, **more})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def make(self, path: str, body: dict[str, Any]) -> str:
        """The id of something new."""
        answer = self.api.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/api/jobs/{job_id}").json()
        return found

    def ended(self, job_id: str, status: str) -> dict[str, Any]:
        """The job, once it is in this state."""
        found: dict[str, Any] = {}

        def there() -> bool:
            found.update(self.job(job_id))
            return bool(found["status"] == status)

        until(there, lambda: f"{found}")
        return found


@dataclass
class Site(Shop):
    """A coordinator and a browser that looks at it. `known`: ids of what is there from the start.
    `faults`: what pages should not have done."""

    running: Running
    browser: Browser
    known: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.running.url

    def running_streams(self) -> int:
        """How many streams of live events the coordinator serves."""
        return self.running.coordinator.live.listeners

    def context(self, theme: str = "light") -> BrowserContext:
        """A browser without a past."""
        context = self.browser.new_context(
            viewport={"width": 1360, "height": 860},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        return context

    def watch(self, page: Page) -> Page:
        """Note what a page must never do: fail, or leave this host."""

        def said(message: ConsoleMessage) -> None:
            if message.type == "error" and "Failed to load resource" not in message.text:
                self.faults.append(f"{page.url}: {message.text}")

        def asked(request: Request) -> None:
            if not request.url.startswith((self.url, "blob:")):
                self.faults.append(f"{page.url} asked for {request.url}")

        page.on("console", said)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("request", asked)
        return page

    def open(self, context: BrowserContext, path: str) -> Page:
        """A page that is watched."""
        page = self.watch(context.new_page())
        page.goto(self.url + path)
        return page


def until(condition: Callable[[], bool], said: Callable[[], str] = str) -> None:
    """Wait until it is so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE_SECONDS} s: {said()}"
        time.sleep(0.02)
