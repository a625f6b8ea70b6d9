"""What a page offers for a terminal says what the page shows."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.cli.typed import Done, Typed
from tests.ui.site import Site

PAGES = {
    "/": "stats", "/jobs/{failed}": "jobs get", "/schedules": "schedules ls",
    "/schedules/{schedule}": "schedules get", "/queues": "queues ls", "/queues/gpu": "queues get",
    "/workers": "workers ls", "/workers/{worker}": None, "/dead": "dlq ls",
    "/operations": "operations ls", "/handlers": "handlers ls",
    "/workflows?status=running": "workflows ls", "/workflows/{workflow}": "workflows show",
    "/jobs?q=status:failed not type:it's": "jobs ls",
    "/alerts": "notify rules", "/alerts?tab=channels": "notify channels",
    "/alerts?tab=deliveries&status=failed": "notify deliveries --status failed",
    "/admin": "users ls", "/admin?tab=health": None,
    "/admin?tab=tokens": "tokens ls", "/admin?tab=audit": "audit",
}  # fmt: skip


def _typed(words: list[str]) -> Done:
    """In a thread: this one has the browser's loop."""
    done: list[Done] = []
    typing = threading.Thread(target=lambda: done.append(Typed("http://127.0.0.1:1")(*words)))
    typing.start()
    typing.join()
    return done[0]


@pytest.fixture(scope="module")
def page(site: Site) -> Iterator[Page]:
    """One page for all, that may use the clipboard."""
    context = site.context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield site.watch(context.new_page())
    context.close()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_copied_as_curl_and_as_a_command(site: Site, page: Page, path: str) -> None:
    page.goto(site.url + path.format(**site.known))
    offered = page.get_by_role("group", name="For a terminal")
    offered.get_by_role("button", name="curl").click()
    offered.get_by_role("button", name="Copied").wait_for()
    program, url = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    assert program == "curl"
    assert url.startswith(site.url)
    found = site.api.get(url)
    assert found.status_code == 200, found.text
    command = PAGES[path]
    assert offered.get_by_role("button").count() == (2 if command else 1)
    if command is None:
        return
    offered.get_by_role("button", name="CLI").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => !text.includes('curl'))")
    program, *words = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    assert program == "tenure"
    assert " ".join(words).startswith(command)
    done = _typed(words)
    assert done.code == 0, done.err
