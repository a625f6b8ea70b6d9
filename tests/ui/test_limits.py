"""Limits of concurrency keys, and emptying a queue."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.ui.site import PATIENCE_SECONDS, Site

expect.set_options(timeout=PATIENCE_SECONDS * 1000)
KEY = "customer/7 <b>"


def test_a_key_gets_a_limit_and_loses_it(site: Site, page: Page) -> None:
    jobs = [site.submit("nobody", n, queue="keyed", concurrency_key=KEY) for n in range(3)]
    page.goto(f"{site.url}/queues")
    row = page.get_by_role("row").filter(has_text=KEY)
    expect(row).to_contain_text("1 / 1")
    page.get_by_role("button", name="Set a limit…").click()
    form = page.get_by_role("dialog", name="Set a limit")
    form.get_by_label("Concurrency key").fill(KEY)
    form.get_by_label("At a time").fill("2")
    form.get_by_role("button", name="Set").click()
    expect(row).to_contain_text("2 / 2")
    row.get_by_role("button", name="Change…").click()
    form = page.get_by_role("dialog", name=f"The limit of {KEY}")
    form.get_by_label("At a time").fill("3")
    form.get_by_role("button", name="Set").click()
    expect(row).to_contain_text("3 / 3")
    row.get_by_role("button", name="Reset").click()
    reset = row.get_by_role("button", name="Reset")
    expect(reset).to_have_attribute("title", "It has the default of one")
    for job in jobs:
        site.api.post(f"/api/jobs/{job['id']}/cancel")


def test_a_queue_is_purged_after_it_was_counted(site: Site, page: Page) -> None:
    jobs = [site.submit("nobody", n, queue="purged") for n in range(3)]
    page.goto(f"{site.url}/queues/purged")
    page.get_by_role("button", name="Purge…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=re.compile("Cancel 3 jobs")).click()
    for job in jobs:
        site.ended(job["id"], "cancelled")
    expect(page.get_by_text("The operation has begun")).to_be_visible()
