"""A window of time: drawn over a chart, typed, in the address, and what lists make of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.ui.site import PATIENCE_SECONDS, Site

expect.set_options(timeout=PATIENCE_SECONDS * 1000)
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z"


def test_drawing_over_a_chart_leads_to_what_happened_then(site: Site, page: Page) -> None:
    job = site.submit("refuse", "in the window", max_retries=0)
    site.ended(job["id"], "failed")
    page.goto(f"{site.url}/?range=900")
    chart = page.locator(".u-over").first
    expect(chart).to_be_visible()
    at = chart.bounding_box()
    assert at is not None
    page.mouse.move(at["x"] + 2, at["y"] + 60)
    page.mouse.down()
    page.mouse.move(at["x"] + at["width"] - 2, at["y"] + 80, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile(f"range=900&from={STAMP}&to={STAMP}"))
    bar = page.get_by_role("region", name="Window of time")
    expect(bar.get_by_role("link", name=re.compile(r"^[1-9][\d,]*\s*failed"))).to_be_visible()
    expect(page.get_by_role("heading", name="Failed in the window")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    bar.get_by_role("link", name=re.compile("failed")).click()
    expect(page).to_have_url(re.compile("/jobs\\?q="))
    expect(page.get_by_label("Filter", exact=True)).to_have_value(
        re.compile(f"^status:failed finished:>={STAMP} finished:<{STAMP}$")
    )
    expect(page.get_by_role("row", name=re.compile("in the window"))).to_be_visible()
    page.go_back()
    bar.get_by_role("button", name="Clear the window").click()
    expect(bar).to_be_hidden()
    expect(page).to_have_url(re.compile("range=900$"))


def test_a_window_is_typed_and_bounds_the_cards(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.get_by_role("button", name="Window").click()
    menu = page.get_by_role("group", name="Window of time")
    menu.get_by_label("From").fill("2020-01-01T10:00")
    menu.get_by_label("To").fill("2020-01-01T09:00")
    show = menu.get_by_role("button", name="Show")
    expect(show).to_have_attribute("aria-disabled", "true")
    menu.get_by_label("To").fill("2020-01-01T10:30")
    assert Axe().run(page).response["violations"] == []
    show.click()
    expect(menu).to_be_hidden()
    expect(page.get_by_text("Nothing failed for good then")).to_be_visible()
    page.get_by_role("link", name="submitted", exact=True).click()
    expect(page.locator(".empty")).to_be_visible()


def test_an_address_names_a_window(site: Site, page: Page) -> None:
    now = datetime.now(UTC)
    first, last = now - timedelta(days=1), now + timedelta(days=1)
    page.goto(f"{site.url}/?from={first:%Y-%m-%dT%H:%M}Z&to={last:%Y-%m-%dT%H:%M}Z")
    bar = page.get_by_role("region", name="Window of time")
    bar.get_by_role("link", name="submitted", exact=True).click()
    expect(page.locator("tbody tr").first).to_be_visible()
    page.goto(f"{site.url}/?from=nonsense&to=later")
    expect(page.get_by_role("heading", name="Failing")).to_be_visible()
    expect(bar).to_be_hidden()
