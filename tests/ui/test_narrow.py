"""Windows of tablets and telephones: the rail is icons, then a bar at the bottom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.ui.site import Site

OVERLAPS = """() => {
  const box = (element) => element.getBoundingClientRect();
  const links = [...document.querySelectorAll(".rail > a")].map(box);
  const words = [...document.querySelectorAll(".rail > a > *")].map(box);
  const side = (a, b) => a.right <= b.left || b.right <= a.left;
  const apart = (a, b) => side(a, b) || a.bottom <= b.top || b.bottom <= a.top;
  return links.some((a, n) => links.slice(n + 1).some((b) => !apart(a, b)))
    || words.some((word) => word.width > 40);
}"""
SPILLS = """() => [document.documentElement, document.querySelector(".stage")]
  .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.className)"""


@pytest.fixture(scope="module")
def narrow(site: Site) -> Iterator[Page]:
    context = site.context()
    yield site.watch(context.new_page())
    context.close()


@pytest.mark.parametrize("width", [900, 620, 390])
@pytest.mark.parametrize("path", ["/", "/jobs", "/alerts?tab=channels"])
def test_nothing_overlaps_or_leaves_the_window(
    site: Site, narrow: Page, width: int, path: str
) -> None:
    narrow.set_viewport_size({"width": width, "height": 800})
    narrow.goto(site.url + path)
    narrow.locator("h1").wait_for()
    narrow.locator(".skeleton").first.wait_for(state="detached")
    assert narrow.evaluate(OVERLAPS) is False
    assert narrow.evaluate(SPILLS) == []
    link = narrow.get_by_role("navigation").get_by_role("link", name="Queues")
    link.click()
    expect(narrow.get_by_role("heading", level=1)).to_have_text("Queues")
