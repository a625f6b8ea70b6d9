"""Every screen in both themes: it shows what is there, without faults, for everybody (WCAG)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.ui.site import Site

SCREENS = {
    "overview": ("/", "Start delay"),
    "jobs": ("/jobs", " shown"),
    "jobs-filtered": ("/jobs?q=status:failed type:refuse", "refused on purpose"),
    "jobs-empty": ("/jobs?q=type:nothing-like-this", "No job fits this filter"),
    "jobs-peek": ("/jobs?peek={completed}", "hello person 2"),
    "jobs-wrong": ("/jobs?q=quue:x", "did you mean queue"),
    "job": ("/jobs/{completed}", "Completed in attempt 1 of 4"),
    "job-payload": ("/jobs/{completed}?tab=payload", "person 2"),
    "job-result": ("/jobs/{completed}?tab=result", "greeted"),
    "job-logs": ("/jobs/{completed}?tab=logs", "hello person 2"),
    "job-attempts": ("/jobs/{failed}?tab=attempts", "refused on purpose"),
    "job-events": ("/jobs/{failed}?tab=events", "out of the ordinary"),
    "job-raw": ("/jobs/{failed}?tab=raw", "max_attempts"),
    "job-why": ("/jobs/{nobody}", "no worker online"),
    "job-missing": ("/jobs/00000000-0000-7000-8000-000000000000", "there is no job"),
    "workflows": ("/workflows", "flow"),
    "workflow": ("/workflows/{workflow}", "greet · completed"),
    "workflow-timeline": ("/workflows/{workflow}?view=timeline", "fetch"),
    "workflow-list": ("/workflows/{workflow}?view=list", "left, right"),
    "job-dependencies": ("/jobs/{joined}?tab=dependencies", "Waits for all of"),
    "schedules": ("/schedules", "Every weekday at 02:30 Europe/Berlin"),
    "schedule": ("/schedules/{schedule}", "Clock change"),
    "schedule-past": ("/schedules/{schedule}?tab=past", "No time has come yet"),
    "queues": ("/queues", "gpu"),
    "queue": ("/queues/gpu", "Next to start"),
    "workers": ("/workers", "north"),
    "worker": ("/workers/{worker}", "linger"),
    "dead": ("/dead", "refused on purpose"),
    "operations": ("/operations", "type:nobody"),
    "handlers": ("/handlers", "name, times, loud, tags"),
    "alerts": ("/alerts", "When a worker falls silent"),
    "alerts-channels": ("/alerts?tab=channels", "ops@example.org"),
    "alerts-deliveries": ("/alerts?tab=deliveries", "Every attempt carries the same id"),
    "admin": ("/admin", "Nobody signs in here"),
    "admin-health": ("/admin?tab=health", "reclaims leases that ran out"),
    "nothing": ("/login/x", "There is no such page"),
}


@pytest.fixture(scope="module", params=["light", "dark"])
def themed(site: Site, request: pytest.FixtureRequest) -> Iterator[Page]:
    """One page for all screens of a theme."""
    context = site.context(request.param)
    yield site.watch(context.new_page())
    context.close()


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen(site: Site, themed: Page, screen: str) -> None:
    path, text = SCREENS[screen]
    site.faults.clear()
    themed.goto(site.url + path.format(**site.known))
    themed.get_by_text(text).first.wait_for()
    themed.locator(".skeleton").first.wait_for(state="detached")
    dark = themed.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    # Only colours differ in the dark.
    options = {"runOnly": {"type": "rule", "values": ["color-contrast"]}} if dark else None
    found = Axe().run(themed, options=options)
    if shots := os.environ.get("TENURE_TEST_SHOTS"):
        themed.screenshot(path=Path(shots) / f"{screen}{'-dark' if dark else ''}.png")
    wrong = [
        f"{one['id']}: {node['html'][:200]} {node['any'][0]['message'] if node['any'] else ''}"
        for one in found.response["violations"]
        for node in one["nodes"][:3]
    ]
    assert wrong == []
    assert site.faults == []
