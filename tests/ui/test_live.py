"""What happens is seen as it happens, in every tab, also over a restart."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.ui.site import PATIENCE_SECONDS, Site, until

expect.set_options(timeout=PATIENCE_SECONDS * 1000)
TABS = 10


def _id(page: Page) -> str:
    found = re.search(r"/jobs/([0-9a-f-]{36})", page.url)
    assert found is not None, page.url
    return found[1]


def _short(job_id: str) -> str:
    return f"{job_id[:8]}…{job_id[-5:]}"


def test_a_job_is_submitted_by_its_form_and_seen_to_finish(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/jobs")
    page.locator("h1").wait_for()
    page.keyboard.press("n")
    drawer = page.get_by_role("dialog", name="Submit a job")
    drawer.get_by_label("Type").fill("greet")
    drawer.get_by_label(re.compile("^name")).fill("Ada")
    drawer.get_by_label("times").fill("9")
    drawer.get_by_label("loud").check()
    drawer.get_by_role("button", name="Add").click()
    drawer.get_by_label("1", exact=True).fill("warm")
    expect(drawer.locator("pre")).to_contain_text('"name":"Ada"')
    drawer.get_by_label("times").fill("2")
    drawer.get_by_role("button", name="Submit and open").click()
    expect(page.get_by_text("Completed in attempt 1")).to_be_visible()
    page.get_by_role("tab", name="Result").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("Ada")
    job = site.job(_id(page))
    assert job["payload"] == {"name": "Ada", "times": 2, "loud": True, "tags": ["warm"]}


def test_what_the_api_refuses_is_said_at_the_form(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/handlers")
    page.get_by_role("row", name="greet").get_by_role("button", name="Submit…").click()
    drawer = page.get_by_role("dialog", name="Submit a job")
    drawer.get_by_text("Options").click()
    drawer.get_by_label("Priority").fill("1000")
    drawer.get_by_role("button", name="Submit", exact=True).click()
    expect(drawer.get_by_role("alert")).to_contain_text("/priority")
    drawer.get_by_role("button", name="JSON").click()
    drawer.get_by_label("Payload as JSON").fill("{oops")
    drawer.get_by_role("button", name="Submit", exact=True).click()
    expect(drawer.get_by_role("alert")).to_contain_text("not JSON")


def test_ten_tabs_see_the_end_of_a_job(site: Site, context: BrowserContext) -> None:
    site.faults.clear()
    job = site.submit("linger", {})
    site.ended(job["id"], "running")
    pages = [site.open(context, f"/jobs/{job['id']}") for _ in range(TABS)]
    for page in pages:
        expect(page.get_by_text("Running, attempt 1")).to_be_visible()
    until(lambda: site.running_streams() == 1)  # those of the tests before end by and by
    site.api.post(f"/api/jobs/{job['id']}/cancel")
    for page in pages:
        expect(page.locator(".badge", has_text="cancelled").first).to_be_visible()
    assert site.faults == []


def test_a_job_is_cancelled_and_runs_again(site: Site, page: Page) -> None:
    job = site.submit("linger", {})
    site.ended(job["id"], "running")
    page.goto(f"{site.url}/jobs/{job['id']}")
    expect(page.get_by_text("half way")).to_be_visible()
    delete = page.get_by_role("button", name="Delete")
    expect(delete).to_have_attribute("aria-disabled", "true")
    expect(delete).to_have_attribute("title", re.compile("cancel it first"))
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator(".badge", has_text="cancelled").first).to_be_visible()
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("Running, attempt 2")).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    site.ended(job["id"], "cancelled")


def test_a_group_of_dead_letters_is_replayed(site: Site, page: Page) -> None:
    job = site.submit("refuse", "for replay", max_retries=0)
    site.ended(job["id"], "failed")
    page.goto(f"{site.url}/dead")
    group = page.locator("section section", has_text="for replay")
    group.get_by_role("button", name="Replay…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("can take this")
    dialog.get_by_label("Reason").fill("fixed upstream")
    dialog.get_by_role("checkbox").uncheck()
    dialog.get_by_role("button", name=re.compile("^Retry")).click()
    expect(page.get_by_text("The operation has begun")).to_be_visible()
    until(lambda: site.job(job["id"])["attempt"] >= 2)
    page.goto(f"{site.url}/operations")
    expect(page.get_by_text("fixed upstream").first).to_be_visible()


def test_rows_are_chosen_and_acted_on(site: Site, page: Page) -> None:
    jobs = [site.submit("nobody", n, queue="chosen", tags=["pick"]) for n in range(3)]
    page.goto(f"{site.url}/jobs?q=tag:pick")
    page.get_by_role("checkbox", name=f"Select {_short(jobs[0]['id'])}").check()
    page.keyboard.press("Escape")
    page.get_by_role("toolbar").get_by_role("button", name="Cancel…").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Cancel 1 job")).click()
    site.ended(jobs[0]["id"], "cancelled")
    row = page.get_by_role("row", name=re.compile(_short(jobs[0]["id"])))
    expect(row).to_contain_text("cancelled")
    assert site.job(jobs[1]["id"])["status"] == "pending"


def test_new_jobs_wait_to_be_shown(site: Site, page: Page) -> None:
    site.submit("nobody", 1, queue="pill", tags=["pill"])
    page.goto(f"{site.url}/jobs?q=tag:pill")
    expect(page.locator("tbody tr")).to_have_count(1)
    site.submit("nobody", 2, queue="pill", tags=["pill"])
    expect(page.get_by_text("1 new, press .")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("h1").click()
    page.keyboard.press(".")
    expect(page.locator("tbody tr")).to_have_count(2)


def test_a_restart_is_seen_and_survived(site: Site, page: Page) -> None:
    job = site.submit("nobody", 1, queue="restart")
    page.goto(f"{site.url}/jobs/{job['id']}")
    expect(page.get_by_text("Ready to run")).to_be_visible()
    expect(page.locator(".indicator")).to_have_text("Live")
    site.running.stop()
    expect(page.locator(".indicator")).to_contain_text("Reconnecting")
    site.running.start()
    expect(page.locator(".indicator")).to_have_text("Live")
    site.api.post(f"/api/jobs/{job['id']}/cancel")
    expect(page.locator(".badge", has_text="cancelled").first).to_be_visible()
    site.faults.clear()


def test_a_queue_is_paused_and_limited(site: Site, page: Page) -> None:
    job = site.submit("greet", {"name": "held"}, queue="lane", delay_seconds=3600)
    page.goto(f"{site.url}/queues/lane")
    page.get_by_role("button", name="Pause…").click()
    dialog = page.get_by_role("dialog", name="Pause lane")
    dialog.get_by_label("Reason").fill("mail server moves")
    dialog.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("mail server moves")).to_be_visible()
    page.get_by_label("Running at a time").fill("3")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    found = site.api.get("/api/queues/lane").json()
    assert (found["max_running"], found["pause_reason"]) == (3, "mail server moves")
    page.goto(f"{site.url}/queues")
    row = page.get_by_role("row", name=re.compile("^lane"))
    expect(row).to_contain_text("0 / 3")
    row.get_by_role("button", name="Resume").click()
    expect(row.get_by_role("button", name="Pause…")).to_be_visible()
    site.api.post(f"/api/jobs/{job['id']}/cancel")
