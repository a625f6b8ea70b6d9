"""What the first visit costs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Response

from tenure.api.dashboard import BUILT
from tests.ui.site import Site

MOST_BYTES = 60_000


@pytest.mark.parametrize(("path", "text"), [("/", "Start delay"), ("/jobs", " shown")])
def test_the_first_load_is_small(site: Site, page: Page, path: str, text: str) -> None:
    got: dict[str, int] = {}

    def note(response: Response) -> None:
        name = response.url.rpartition("/")[2]
        if "/assets/" in response.url:
            got[name] = (BUILT / "assets" / f"{name}.gz").stat().st_size

    page.on("response", note)
    page.goto(site.url + path)
    page.get_by_text(text).first.wait_for()
    assert any(name.startswith("main-") and name.endswith(".js") for name in got)
    needed = {name: size for name, size in got.items() if path != "/" or not _chart(name)}
    assert sum(needed.values()) < MOST_BYTES, got


def _chart(name: str) -> bool:
    """The library that draws comes after the numbers are shown."""
    return "uPlot" in (BUILT / "assets" / name).read_text("utf-8") and not name.endswith(".css")
