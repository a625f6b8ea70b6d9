"""Workflows of thousands of jobs: a picture one can use, and a list of them all."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.ui.site import PATIENCE_SECONDS, Site

expect.set_options(timeout=PATIENCE_SECONDS * 1000)
FAN = 2_000
CHAIN = 600
FEW = 2_500
"""Elements of a picture that moves under the hand; ten for each of a thousand jobs would not."""


def _job(key: str, *after: str, type_: str = "nobody") -> dict[str, Any]:
    return {"key": key, "type": type_, "depends_on": list(after)}


def _flow(site: Site, name: str, jobs: list[dict[str, Any]]) -> str:
    flow = site.make("/api/workflows", {"name": name, "jobs": jobs})
    return f"{site.url}/workflows/{flow}"


@pytest.fixture(scope="module")
def fan(site: Site) -> str:
    """The address of one job, two thousand that wait for it, and one that waits for those."""
    middle = [_job(f"resize-{n}", "start", type_="resize") for n in range(FAN)]
    return _flow(
        site, "fan", [_job("start"), *middle, _job("end", *(one["key"] for one in middle))]
    )


@pytest.fixture(scope="module")
def chain(site: Site) -> str:
    """The address of six hundred jobs, each after the other."""
    return _flow(
        site, "chain", [_job(f"n{n}", *([f"n{n - 1}"] if n else [])) for n in range(CHAIN)]
    )


def _elements(page: Page) -> int:
    count: int = page.evaluate("document.querySelectorAll('svg.graph *').length")
    return count


def test_a_fan_of_thousands_is_one_box(fan: str, page: Page) -> None:
    page.goto(fan)
    boxes = page.locator("svg.graph .node")
    expect(boxes).to_have_count(3)
    group = page.get_by_role("link", name=re.compile(f"{FAN} of resize: {FAN} blocked"))
    expect(group).to_contain_text("resize \u00d7 2,000")
    expect(page.locator("svg.graph .edge")).to_have_count(2)
    assert Axe().run(page).response["violations"] == []
    group.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("view=list&find=resize"))
    table = page.get_by_role("region", name="Jobs of the workflow").locator("table")
    expect(table).to_have_attribute("aria-rowcount", str(FAN + 1))
    assert page.locator("tbody tr").count() < 100
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("searchbox").fill("resize-1999")
    expect(page.get_by_role("link", name="resize-1999")).to_be_visible()
    expect(table).to_have_attribute("aria-rowcount", "2")


def test_what_waits_for_thousands_says_so_shortly(fan: str, page: Page) -> None:
    page.goto(f"{fan}?view=list&find=end")
    expect(page.get_by_role("row", name=re.compile("^end"))).to_contain_text("and 1,980 more")


def test_fans_whose_members_go_on_apart_are_boxes_too(site: Site, page: Page) -> None:
    kinds = ("fetch", "parse", "store")
    jobs = [_job("start")]
    for n in range(200):
        for before, kind in zip((None, *kinds), kinds, strict=False):
            jobs.append(_job(f"{kind}-{n}", f"{before}-{n}" if before else "start", type_=kind))
    page.goto(_flow(site, "lanes", jobs))
    expect(page.locator("svg.graph .node")).to_have_count(4)
    expect(page.locator("svg.graph .edge")).to_have_count(3)
    for kind in kinds:
        expect(page.get_by_role("link", name=re.compile(f"200 of {kind}"))).to_be_visible()


def test_only_what_is_in_sight_of_many_is_drawn(chain: str, page: Page) -> None:
    page.goto(chain)
    boxes = page.locator("svg.graph .node")
    expect(boxes.first).to_be_visible()
    assert boxes.count() < CHAIN / 2
    assert _elements(page) < FEW
    page.get_by_role("button", name="Fit").click()
    expect(boxes).to_have_count(0)
    expect(page.get_by_text("600 boxes: click one to come near")).to_be_visible()
    expect(page.locator("svg.graph .far path").first).to_be_attached()
    assert _elements(page) < 20
    assert Axe().run(page).response["violations"] == []
    picture = page.locator("svg.graph").bounding_box()
    assert picture is not None
    page.mouse.click(picture["x"] + picture["width"] / 2, picture["y"] + picture["height"] / 2)
    expect(boxes.first).to_be_visible()
    assert boxes.count() < 30
    before = boxes.first.get_attribute("aria-label")
    x, y = picture["x"] + 500, picture["y"] + 20
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 400, y, steps=4)
    page.mouse.move(x - 5_000, y, steps=4)
    page.mouse.up()
    expect(boxes.first).not_to_have_attribute("aria-label", before or "")
    assert _elements(page) < FEW


def test_the_place_under_the_pointer_stays_when_zooming(chain: str, page: Page) -> None:
    page.goto(chain)
    box = page.get_by_role("link", name="n3, blocked")
    before = box.bounding_box()
    assert before is not None
    at = (before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
    page.mouse.move(*at)
    for _ in range(12):
        page.mouse.wheel(0, -120)
    expect(box).to_be_in_viewport()
    after = box.bounding_box()
    assert after is not None
    assert after["width"] > before["width"]
    assert after["x"] < at[0] < after["x"] + after["width"]
    assert after["y"] < at[1] < after["y"] + after["height"]
