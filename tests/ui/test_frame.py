"""What is around the screens: keys, palette, theme, and text that is never markup."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.ui.site import PATIENCE_SECONDS, Site

expect.set_options(timeout=PATIENCE_SECONDS * 1000)
EVIL = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"


def test_everything_is_reached_by_keys(site: Site, page: Page) -> None:
    page.goto(site.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    for key, name in (("w", "Workflows"), ("q", "Queues"), ("d", "Dead letters"), ("j", "Jobs")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator("tbody tr").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/jobs/[0-9a-f-]{36}"))
    page.get_by_role("tab", name="Payload").wait_for()
    page.keyboard.press("2")
    expect(page.get_by_role("tab", name="Payload")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")


def test_the_palette_goes_and_finds(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.locator("h1").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("sched")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Schedules")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("type:refuse")
    page.get_by_role("option", name="Find jobs").click()
    expect(page).to_have_url(re.compile("q=type"))


def test_the_filter_is_in_the_address_and_completes_words(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/jobs")
    page.locator("h1").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("stat")
    page.get_by_role("option", name="status:").click()
    page.keyboard.type("compl")
    page.get_by_role("option", name="status:completed").click()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=status:completed"))
    expect(page.get_by_role("button", name="completed", pressed=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("^failed")).click()
    expect(page).to_have_url(re.compile("status:completed,failed"))


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_is_the_systems_or_ones_own(site: Site, system: str) -> None:
    context = site.context(system)
    page = site.open(context, "/jobs")
    background = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(background)
    expect(page.locator("tbody tr").first).to_be_visible()
    page.keyboard.press("t")
    if system == "light":
        page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute(
        "data-theme", "dark" if system == "light" else "light"
    )
    assert page.evaluate(background) != before
    page.reload()
    assert page.evaluate(background) != before
    context.close()


def test_text_is_never_markup(site: Site, page: Page) -> None:
    payload = {"name": EVIL, EVIL: EVIL}
    job = site.submit("refuse", payload, name=EVIL, tags=[EVIL[:60]], max_retries=0)
    site.ended(job["id"], "failed")
    cron = {"name": EVIL, "cron": "0 0 1 1 *", "job": {"type": "greet", "payload": EVIL}}
    schedule = site.api.post("/api/schedules", json=cron).json()
    flow = {"name": EVIL, "jobs": [{"key": EVIL, "type": "nobody"}]}
    workflow = site.api.post("/api/workflows", json=flow).json()
    operation = {
        "action": "priority", "priority": 1, "filter": '"<script>"', "reason": EVIL
    }  # fmt: skip
    site.api.post("/api/operations", json=operation)
    tabs = ("timeline", "payload", "logs", "attempts", "events", "raw")
    paths = [
        "/jobs", "/dead", "/operations", "/schedules", "/workflows", "/",
        f"/schedules/{schedule['id']}", f"/workflows/{workflow['id']}",
        f"/workflows/{workflow['id']}?view=list", "/jobs?q=" + EVIL.replace("#", ""),
        *(f"/jobs/{job['id']}?tab={tab}" for tab in tabs),
    ]  # fmt: skip
    for path in paths:
        page.goto(site.url + path)
        page.locator("h1").first.wait_for()
        page.locator(".skeleton").first.wait_for(state="detached")
        assert page.locator("img, main script").count() == 0, path
        assert page.title() != "pwned", path
    assert "onerror" in page.locator("main").inner_text()
    site.api.delete(f"/api/schedules/{schedule['id']}")


def test_swagger_shows_the_api_from_this_host(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/swagger")
    expect(page.get_by_text("Submit a job", exact=True)).to_be_visible()
    page.get_by_text("List jobs, newest first").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_contain_text("200")
