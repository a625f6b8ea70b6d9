"""The list of jobs: peeking, columns, files, saved filters, and why nothing is there."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.ui.site import PATIENCE_SECONDS, Site

expect.set_options(timeout=PATIENCE_SECONDS * 1000)
FORMULAS = [
    "=1+1",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "\uff1d1",
    "=HYPERLINK(\"http://x\";'y')",
]


@pytest.fixture
def wide(site: Site) -> Iterator[Page]:
    """A page on which files can be downloaded."""
    context = site.context()
    site.faults.clear()
    yield site.watch(context.new_page())
    context.close()
    assert site.faults == []


def _short(job_id: str) -> str:
    return f"{job_id[:8]}…{job_id[-5:]}"


def test_peeking_leaves_the_list_where_it_is(site: Site, page: Page) -> None:
    done, bad = site.known["completed"], site.known["failed"]
    page.goto(f"{site.url}/jobs?q=id:{done},{bad}")
    expect(page.locator("tbody tr")).to_have_count(2)
    peek = page.get_by_role("region", name="Peek at a job")
    button = page.get_by_role("button", name=f"Peek at {_short(done)}")
    button.click()
    expect(peek).to_contain_text("person 2")
    expect(peek.get_by_role("list", name="Last log lines")).to_contain_text("hello person 2")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(peek).to_be_focused()
    page.keyboard.press("Escape")
    expect(peek).to_be_hidden()
    expect(button).to_be_focused()
    page.locator("h1").click()
    page.keyboard.press("k")
    page.keyboard.press("Space")
    expect(peek).to_contain_text("refused on purpose")
    expect(page).to_have_url(re.compile(f"peek={bad}"))
    page.keyboard.press("j")
    expect(peek).to_contain_text("person 2")
    page.reload()
    expect(peek).to_contain_text("person 2")
    peek.get_by_role("button", name="Close the peek panel").click()
    expect(peek).to_be_hidden()
    expect(page).not_to_have_url(re.compile("peek"))


def test_what_a_peek_shows_moves_on(site: Site, page: Page) -> None:
    job = site.submit("nobody", {"seen": "from here"}, queue="peeked")
    page.goto(f"{site.url}/jobs?q=id:{job['id']}&peek={job['id']}")
    peek = page.get_by_role("region", name="Peek at a job")
    expect(peek.locator(".badge")).to_have_text("pending")
    expect(peek).to_contain_text("No log lines")
    site.api.post(f"/api/jobs/{job['id']}/cancel")
    expect(peek.locator(".badge")).to_have_text("cancelled")


def test_columns_and_density_are_ones_own_and_stay(site: Site, page: Page) -> None:
    path = f"{site.url}/jobs?q=id:{site.known['completed']}"
    page.goto(path)
    names = page.get_by_role("columnheader")
    expect(names.filter(has_text="Queue")).to_have_count(1)
    expect(names.filter(has_text="Tags")).to_have_count(0)
    page.get_by_role("button", name="Columns").click()
    menu = page.get_by_role("group", name="Columns and density")
    expect(menu.get_by_label("State")).to_be_disabled()
    menu.get_by_label("Tags").check()
    menu.get_by_label("Queue").uncheck()
    tall = page.locator("tbody tr").bounding_box()
    menu.get_by_role("button", name="Dense").click()
    assert Axe().run(page).response["violations"] == []
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.get_by_role("button", name="Columns")).to_be_focused()
    page.reload()
    expect(page.get_by_role("cell", name="demo")).to_be_visible()
    expect(names.filter(has_text="Queue")).to_have_count(0)
    low = page.locator("tbody tr").bounding_box()
    assert low is not None
    assert tall is not None
    assert low["height"] < tall["height"]
    page.get_by_role("button", name="Columns").click()
    menu.get_by_role("button", name="As at first").click()
    expect(names.filter(has_text="Queue")).to_have_count(1)


def test_a_memory_of_another_page_does_no_harm(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/jobs")
    page.evaluate("localStorage['tenure.jobs.look'] = '{\"columns\": 5'")
    page.evaluate("localStorage['tenure.jobs.views'] = '[{\"name\": 1}, null, \"x\"]'")
    page.reload()
    expect(page.locator("tbody tr").first).to_be_visible()
    page.get_by_role("button", name="Views").click()
    expect(page.get_by_role("group", name="Saved views")).to_contain_text("kept here")


def test_views_are_saved_filters(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/jobs?q=status:failed type:refuse")
    page.get_by_role("button", name="Views").click()
    menu = page.get_by_role("group", name="Saved views")
    menu.get_by_label("Name of this view").fill("Refused <b>")
    menu.get_by_role("button", name="Save this filter").click()
    expect(menu.get_by_role("link", name="Refused <b>")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    page.goto(f"{site.url}/jobs")
    expect(page.locator("tbody tr").first).to_be_visible()
    page.get_by_role("button", name="Views").click()
    menu.get_by_role("button", name="Save this filter").click(force=True)
    menu.get_by_role("link", name="Refused <b>").click()
    expect(page).to_have_url(re.compile(r"q=status"))
    expect(page.get_by_label("Filter", exact=True)).to_have_value("status:failed type:refuse")
    page.get_by_role("button", name="Refused <b>").click()
    menu.get_by_role("button", name="Forget Refused <b>").click()
    expect(menu.get_by_role("link")).to_have_count(0)


def _exported(page: Page, form: str, most: int | None = None) -> str:
    page.get_by_role("button", name="Export…").click()
    dialog = page.get_by_role("dialog", name="Export jobs")
    dialog.get_by_label(form).check()
    if most is not None:
        dialog.get_by_label("At most").fill(str(most))
    with page.expect_download() as waited:
        dialog.get_by_role("button", name="Make the file").click()
    assert waited.value.suggested_filename.endswith(f".{form.lower()}")
    path = waited.value.path()
    return Path(path).read_bytes().decode()


def test_all_that_fits_becomes_a_file(site: Site, wide: Page) -> None:
    big = 2**63 - 1
    jobs = [site.submit("nobody", {"n": n, "big": big}, tags=["file"], queue="f") for n in range(3)]
    wide.goto(f"{site.url}/jobs?q=tag:file")
    expect(wide.locator("tbody tr")).to_have_count(3)
    lines = [json.loads(line) for line in _exported(wide, "NDJSON").splitlines()]
    assert [line["id"] for line in lines] == [job["id"] for job in reversed(jobs)]
    assert lines == site.api.get("/api/jobs", params={"q": "tag:file"}).json()["items"]
    assert lines[0]["payload"]["big"] == big
    dialog = wide.get_by_role("dialog", name="Export jobs")
    expect(dialog.get_by_role("status")).to_contain_text("3 jobs")
    expect(dialog.get_by_role("status")).to_contain_text("all that fit")
    assert Axe().run(wide).response["violations"] == []
    wide.keyboard.press("Escape")
    lines = [json.loads(line) for line in _exported(wide, "NDJSON", most=2).splitlines()]
    assert [line["id"] for line in lines] == [jobs[2]["id"], jobs[1]["id"]]
    expect(dialog.get_by_role("status")).to_contain_text("ends at its limit")
    dialog.get_by_label("At most").fill("0")
    making = dialog.get_by_role("button", name="Make the file")
    expect(making).to_have_attribute("aria-disabled", "true")


def test_no_cell_of_a_csv_file_is_a_formula(site: Site, wide: Page) -> None:
    for formula in FORMULAS:
        site.submit("nobody", formula, tags=["cells", formula.strip()], queue="f", name=formula)
    wide.goto(f"{site.url}/jobs?q=tag:cells")
    expect(wide.locator("tbody tr")).to_have_count(len(FORMULAS))
    text = _exported(wide, "CSV")
    rows: list[dict[str, Any]] = list(csv.DictReader(text.splitlines(keepends=True)))
    assert {row["name"].removeprefix("'") for row in rows} == set(FORMULAS)
    assert {json.loads(row["payload"]) for row in rows} == set(FORMULAS)
    for row in rows:
        for name, value in row.items():
            assert not re.match("\\s*[=+\\-@\uff1d]", value), (name, value)
    assert {row["priority"] for row in rows} == {"0"}


def test_an_empty_list_names_the_clause_that_empties_it(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/jobs?q=type:greet not tag:x name:never-was")
    told = page.locator(".empty").get_by_role("status")
    expect(told).to_contain_text("name:never-was alone fits no job")
    page.get_by_role("button", name="without name:never-was some fit then").click()
    expect(page.locator("tbody tr").first).to_be_visible()
    page.goto(f'{site.url}/jobs?q=type:greet "refused on purpose"')
    expect(told).to_contain_text("alone fits no job")
    page.goto(f"{site.url}/jobs?q=type:greet not type:greet")
    expect(told).to_contain_text("none fits them all")
    page.get_by_role("button", name="without not type:greet some fit then").click()
    expect(page.get_by_label("Filter", exact=True)).to_have_value("type:greet")
