"""One coordinator for all tests of the dashboard in a process, one browser for those of a module.

Playwright's loop runs as long as its browser: beyond a module of these tests it would stand in the
way of all others, which have loops of their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import anyio.from_thread
import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.ui.site import HANDLERS, Shop, Site
from tests.worker.running import Running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    path = shutil.which("chromium")
    assert path is not None, "there is no chromium (Debian: apt-get install chromium)"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield found
        found.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A coordinator with one worker."""
    found = Running(tmp_path_factory.mktemp("ui"))
    found.settings = found.settings.model_copy(update={"http_allow": ("127.0.0.1/32",)})
    with (
        found,
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(found.worker(*HANDLERS, name="north")),
    ):
        yield found


@pytest.fixture(scope="session")
def filled(running: Running) -> dict[str, str]:
    """Something of everything that a screen can show; the ids of some of it."""
    with httpx.Client(base_url=running.url, timeout=60) as api:
        return fill(Shop(api))


@pytest.fixture(scope="module")
def site(
    built_dashboard: None, browser: Browser, running: Running, filled: dict[str, str]
) -> Iterator[Site]:
    with httpx.Client(base_url=running.url, timeout=60) as api:
        yield Site(api, running, browser, filled)


def fill(site: Shop) -> dict[str, str]:
    for n in range(3):
        done = site.submit("greet", {"name": f"person {n}"}, tags=["demo"], name="morning")
        bad = site.submit("refuse", {"n": n}, max_retries=0)
    site.ended(done["id"], "completed")
    site.ended(bad["id"], "failed")
    site.submit("linger", {})
    nobody = site.submit("nobody", {"epochs": 3}, queue="gpu")
    site.submit("greet", {"name": "later"}, delay_seconds=3600)
    greeting = {"type": "greet", "payload": {"name": "flow"}}
    jobs = [
        {"key": "fetch", **greeting}, {"key": "left", **greeting, "depends_on": ["fetch"]},
        {"key": "right", "type": "nobody", "depends_on": ["fetch"]},
        {"key": "join", **greeting, "depends_on": ["left", "right"]},
    ]  # fmt: skip
    flow = site.make("/api/workflows", {"name": "flow", "jobs": jobs})
    nodes = site.api.get(f"/api/workflows/{flow}").json()["nodes"]
    cron = {"name": "daily", "cron": "30 2 * * 1-5", "timezone": "Europe/Berlin", "job": greeting}
    schedule = site.make("/api/schedules", cron)
    site.make("/api/operations", {"action": "priority", "priority": 5, "filter": "type:nobody"})
    ops = {"name": "ops", "kind": "email", "to": ["ops@example.org"]}
    site.make("/api/notifications/channels", ops)
    site.api.post("/api/notifications/channels/ops/test").raise_for_status()
    silent = {"name": "silent", "event": "worker.lost", "channels": ["ops"], "recovery": True}
    site.make("/api/notifications/rules", silent)
    (worker,) = site.api.get("/api/workers").json()["items"]
    return {
        "completed": done["id"], "failed": bad["id"], "nobody": nobody["id"], "workflow": flow,
        "joined": next(node["job_id"] for node in nodes if node["key"] == "join"),
        "schedule": schedule, "worker": worker["id"],
    }  # fmt: skip


@pytest.fixture
def context(site: Site) -> Iterator[BrowserContext]:
    """A browser without a past, for one test."""
    found = site.context()
    yield found
    found.close()


@pytest.fixture
def page(site: Site, context: BrowserContext) -> Iterator[Page]:
    """An empty page that may not fail."""
    site.faults.clear()
    yield site.watch(context.new_page())
    assert site.faults == []
