"""Jobs, schedules and queues are changed, and two who do it at once do not overwrite."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.ui.site import PATIENCE_SECONDS, Site, until

expect.set_options(timeout=PATIENCE_SECONDS * 1000)
EVIL = "<img src=x onerror=\"document.title='pwned'\">"


def _edit_job(site: Site, page: Page, job_id: str) -> Locator:
    page.goto(f"{site.url}/jobs/{job_id}")
    page.get_by_role("button", name="Edit…").click()
    return page.get_by_role("dialog", name="Edit this job")


@pytest.mark.parametrize(
    ("path", "button"),
    [("/jobs/{nobody}", "Edit…"), ("/schedules/{schedule}", "Edit…"),
     ("/schedules", "Make a schedule"), ("/alerts?tab=channels", "Make a channel"),
     ("/alerts", "Make a rule")],
)  # fmt: skip
def test_forms_are_for_everybody(site: Site, page: Page, path: str, button: str) -> None:
    page.goto(site.url + path.format(**site.known))
    page.get_by_role("button", name=button).click()
    page.get_by_role("dialog").get_by_label("Name").first.wait_for()
    faults = _faults(page, None)
    page.emulate_media(color_scheme="dark")
    only_colours = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
    assert faults + _faults(page, only_colours) == []


def _faults(page: Page, options: dict[str, Any] | None) -> list[str]:
    found = Axe().run(page, options=options).response["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def test_a_job_is_edited(site: Site, page: Page) -> None:
    job = site.submit("nobody", {"n": 1}, queue="editing", name="before", tags=["old"])
    form = _edit_job(site, page, job["id"])
    save = form.get_by_role("button", name="Save")
    expect(save).to_have_attribute("title", "Nothing is changed yet")
    form.get_by_label("Payload").fill("{oops")
    save.click()
    expect(form.get_by_role("alert")).to_contain_text("not JSON")
    form.get_by_label("Payload").fill('{"n": 12345678901234567890}')
    form.get_by_label("Queue").fill("no such word")
    save.click()
    expect(form.get_by_role("alert")).to_contain_text("/queue")
    form.get_by_label("Queue").fill("editing")
    form.get_by_label("Priority").fill("7")
    form.get_by_label("Tags").fill(f"new, {EVIL}")
    form.get_by_label("Name").fill(EVIL)
    form.get_by_label("Retries", exact=False).last.fill("9")
    form.get_by_label("First delay", exact=True).fill("5")
    form.get_by_label("Unit of First delay").select_option("minutes")
    expect(form).to_contain_text("changed here: name, priority, tags, payload")
    save.click()
    expect(page.get_by_text("Changed", exact=True)).to_be_visible()
    expect(page.locator("main")).to_contain_text(EVIL)
    assert page.locator("img").count() == 0
    found = site.job(job["id"])
    assert found["payload"] == {"n": 12345678901234567890}
    assert (found["priority"], found["tags"], found["name"]) == (7, ["new", EVIL], EVIL)
    assert (found["max_attempts"], found["queue"], found["version"]) == (10, "editing", 2)
    assert found["retry_policy"] == job["retry_policy"] | {"initial_delay_seconds": 300}
    site.api.post(f"/api/jobs/{job['id']}/cancel")


def test_who_edits_second_sees_what_the_first_one_did(site: Site, page: Page) -> None:
    job = site.submit("nobody", {"n": 1}, queue="editing")
    form = _edit_job(site, page, job["id"])
    site.api.patch(f"/api/jobs/{job['id']}", json={"name": "theirs"})
    expect(form.get_by_label("Name")).to_have_value("theirs")  # nothing was typed: it follows
    form.get_by_label("Priority").fill("5")
    theirs = {"priority": 3, "queue": "elsewhere"}
    site.api.patch(f"/api/jobs/{job['id']}", json=theirs)
    form.get_by_role("button", name="Save").click()
    told = form.get_by_role("alert")
    expect(told).to_contain_text("Somebody else changed this meanwhile")
    expect(told).to_contain_text("Priority is now 3; yours is kept in the form")
    expect(told).to_contain_text("Queue is now elsewhere")
    expect(form.get_by_label("Queue")).to_have_value("elsewhere")
    assert site.job(job["id"])["priority"] == 3
    form.get_by_role("button", name="Save").click()
    until(lambda: site.job(job["id"])["priority"] == 5, lambda: str(site.job(job["id"])))
    assert site.job(job["id"])["queue"] == "elsewhere"
    site.api.post(f"/api/jobs/{job['id']}/cancel")


def test_a_job_that_cannot_be_edited_says_why(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/jobs/{site.known['completed']}")
    edit = page.get_by_role("button", name="Edit…")
    expect(edit).to_have_attribute("title", re.compile("It has ended"))
    page.keyboard.press("e")
    assert page.get_by_role("dialog").count() == 0


def test_what_is_deleted_is_asked_for(site: Site, page: Page) -> None:
    job = site.submit("nobody", 1, queue="editing")
    template = {"type": "nobody", "payload": 1}
    made = site.make("/api/schedules", {"cron": "0 0 1 1 *", "job": template})
    for path, button in ((f"/jobs/{job['id']}", "1 job"), (f"/schedules/{made}", "1 schedule")):
        page.goto(site.url + path)
        page.get_by_role("button", name="Delete…").click()
        page.get_by_role("button", name="Leave it").click()
        expect(page.get_by_role("button", name="Delete…")).to_be_focused()
        assert site.api.get(f"/api{path}").status_code == 200
        page.get_by_role("button", name="Delete…").click()
        page.get_by_role("button", name=f"Delete {button}").click()
        expect(page.get_by_text("Deleted", exact=True)).to_be_visible()
        assert site.api.get(f"/api{path}").status_code == 404


def test_a_schedule_is_made_with_its_next_times_in_view(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/schedules")
    page.get_by_role("button", name="Make a schedule").click()
    form = page.get_by_role("dialog", name="Make a schedule")
    cron = form.get_by_role("textbox", name=re.compile("^Cron"))
    times = form.get_by_label("Next times")
    form.get_by_label("Name").fill("made by form")
    form.get_by_label("Time zone").fill("Europe/Berlin")
    cron.fill("61 * * * *")
    expect(times).to_contain_text("61")
    expect(times.get_by_role("listitem")).to_have_count(0)
    cron.fill("30 2 29 3 *")
    expect(times.get_by_role("listitem")).to_have_count(5)
    form.get_by_label("Type").fill("greet")
    form.get_by_label("Payload").fill('{"name": "every March"}')
    form.get_by_label("Begin paused").check()
    form.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", level=1, name="made by form")).to_be_visible()
    made = site.api.get("/api/schedules/made by form").json()
    assert (made["cron"], made["timezone"], made["status"]) == (
        "30 2 29 3 *", "Europe/Berlin", "paused"
    )  # fmt: skip
    assert (made["job"]["type"], made["job"]["payload"]) == ("greet", {"name": "every March"})
    site.api.delete(f"/api/schedules/{made['id']}")


def test_a_schedule_is_changed_and_keeps_what_its_form_does_not_show(
    site: Site, page: Page
) -> None:
    job = {
        "type": "nobody", "payload": {"n": 1}, "concurrency_key": "one", "on_lost": "fail",
        "retry_policy": "linear",
    }  # fmt: skip
    made = site.make("/api/schedules", {"cron": "0 0 1 1 *", "job": job})
    page.goto(f"{site.url}/schedules/{made}")
    page.locator("h1").wait_for()
    page.keyboard.press("e")
    form = page.get_by_role("dialog")
    form.get_by_label("Fires by").select_option("an interval")
    form.get_by_label("Every", exact=True).fill("3")
    form.get_by_label("Unit of Every").select_option("hours")
    expect(form.get_by_label("Next times")).to_contain_text("Every 3 h")
    form.get_by_label("Payload").fill('{"n": 2}')
    site.api.patch(f"/api/schedules/{made}", json={"overlap": "allow"})
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("While one still runs is now allow")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Every 3 h")).to_be_visible()
    found = site.api.get(f"/api/schedules/{made}").json()
    assert (found["cron"], found["every_seconds"], found["overlap"]) == (None, 10_800, "allow")
    kept = found["job"]
    assert (kept["payload"], kept["concurrency_key"], kept["on_lost"]) == ({"n": 2}, "one", "fail")
    assert kept["retry_policy"]["strategy"] == "linear"
    site.api.delete(f"/api/schedules/{made}")


def test_the_workflow_of_a_schedule_is_changed(site: Site, page: Page) -> None:
    jobs = [
        {"key": "a", "type": "nobody", "payload": None},
        {
            "key": "b",
            "type": "nobody",
            "depends_on": [{"key": "a", "on": "failure"}],
            "join": "any",
        },
    ]
    flow = {"cron": "0 0 1 1 *", "workflow": {"name": "w", "jobs": jobs}}
    made = site.make("/api/schedules", flow)
    before = site.api.get(f"/api/schedules/{made}").json()["workflow"]
    page.goto(f"{site.url}/schedules/{made}")
    page.get_by_role("button", name="Edit…").click()
    form = page.get_by_role("dialog")
    text = form.get_by_label("Workflow JSON").input_value()
    form.get_by_label("Workflow JSON").fill(text.replace('"w"', '"renamed"'))
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Changed", exact=True)).to_be_visible()
    assert site.api.get(f"/api/schedules/{made}").json()["workflow"] == before | {"name": "renamed"}
    site.api.delete(f"/api/schedules/{made}")


def test_limits_that_somebody_else_changed_are_not_overwritten(site: Site, page: Page) -> None:
    site.api.put("/api/queues/shared", json={"max_running": 2})
    page.goto(f"{site.url}/queues/shared")
    most = page.get_by_label("Running at a time")
    expect(most).to_have_value("2")
    page.get_by_label("Starts").fill("10")
    site.api.patch("/api/queues/shared", json={"max_running": 4})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Running at a time is now 4")
    expect(most).to_have_value("4")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    found = site.api.get("/api/queues/shared").json()
    assert (found["max_running"], found["rate"]["count"]) == (4, 10)
    site.api.delete("/api/queues/shared")
