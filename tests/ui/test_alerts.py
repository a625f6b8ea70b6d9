"""Who is told of what: channels, rules, and the log of what was sent."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.ui.site import PATIENCE_SECONDS, Site, until

expect.set_options(timeout=PATIENCE_SECONDS * 1000)
EVIL = "<img src=x onerror=\"document.title='pwned'\"><script>1</script>"
CHANNELS = "/api/notifications/channels"
RULES = "/api/notifications/rules"


@dataclass
class Hook:
    """Somebody who listens; `status` is what they answer."""

    url: str
    status: int = 200
    got: list[str] = field(default_factory=list)


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A receiver of webhooks in a thread: the browser has this one."""

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = EVIL.encode()
            found.got.append(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receive) as server:
        found = Hook(f"http://127.0.0.1:{server.server_port}/hook")
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield found
        server.shutdown()
        serving.join()


def _clean(page: Page) -> None:
    """Nothing is wrong for anybody (WCAG)."""
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []


def _row(page: Page, name: str) -> Locator:
    return page.get_by_role("row", name=re.compile(rf"^{re.escape(name)}\b"))


def test_a_channel_is_made_tested_and_taken_away(site: Site, page: Page, hook: Hook) -> None:
    page.goto(site.url)
    page.locator("h1").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page.get_by_role("heading", level=1)).to_have_text("Alerts")
    page.get_by_role("tab", name="Channels").click()
    page.get_by_role("button", name="Make a channel").click()
    form = page.get_by_role("dialog", name="Make a channel")
    form.get_by_label("Name").fill("made-here")
    form.get_by_label("URL").fill("mailto:somebody")
    form.get_by_role("button", name="Make it").click()
    expect(form.get_by_role("alert")).to_contain_text("must be a whole URL")
    _clean(page)
    form.get_by_label("URL").fill(hook.url)
    form.get_by_role("button", name="Make it").click()
    secret = page.get_by_role("dialog", name="The secret of made-here")
    first = secret.locator("code").inner_text()
    assert first.startswith("whsec_")
    _clean(page)
    secret.get_by_role("button", name="I have it").click()
    row = _row(page, "made-here")
    row.get_by_role("button", name="Test").click()
    result = page.get_by_role("dialog", name="Test of made-here")
    expect(result.get_by_role("status")).to_have_text("It arrived at made-here.")
    expect(result).to_contain_text("HTTP 200")
    assert len(hook.got) == 1
    _clean(page)
    result.get_by_role("button", name="Close").click()

    row.get_by_role("button", name="New secret…").click()
    page.get_by_role("button", name="Make a new secret").click()
    assert secret.locator("code").inner_text() != first
    secret.get_by_role("button", name="I have it").click()
    row.get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("disabled")
    expect(row.get_by_role("button", name="Test")).to_have_attribute("title", "It is disabled")
    row.get_by_role("button", name="Change…").click()
    form = page.get_by_role("dialog", name="Change the channel made-here")
    form.get_by_label("Name").fill("renamed")
    form.get_by_role("button", name="Save").click()
    row = _row(page, "renamed")
    row.get_by_role("button", name="Enable").click()
    expect(row).to_contain_text("active")
    row.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete the channel").click()
    expect(row).to_have_count(0)
    assert site.api.get(f"{CHANNELS}/renamed").status_code == 404


def test_a_failing_test_says_what_the_receiver_answered(site: Site, page: Page, hook: Hook) -> None:
    hook.status = 500
    site.make(CHANNELS, {"name": "broken", "kind": "webhook", "url": hook.url})
    page.goto(f"{site.url}/alerts?tab=channels")
    _row(page, "broken").get_by_role("button", name="Test").click()
    result = page.get_by_role("dialog", name="Test of broken")
    expect(result.get_by_role("status")).to_contain_text("it is tried again")
    expect(result).to_contain_text("HTTP 500")
    expect(result.locator("pre")).to_have_text(EVIL)
    site.api.delete(f"{CHANNELS}/broken")


def test_a_rule_is_made_speaks_and_is_replayed(site: Site, page: Page, hook: Hook) -> None:
    site.make(CHANNELS, {"name": "listener", "kind": "webhook", "url": hook.url})
    page.goto(f"{site.url}/alerts")
    page.get_by_role("button", name="Make a rule").click()
    form = page.get_by_role("dialog", name="Make a rule")
    make = form.get_by_role("button", name="Make it")
    form.get_by_label("Name").fill("two-refused")
    form.get_by_label("Of those that fit").fill("status:failed")
    form.get_by_label("How many").fill("2")
    form.get_by_label("Within", exact=True).fill("10")
    form.get_by_label("Say when it is over").check()
    form.get_by_role("checkbox", name=re.compile("^listener")).check()
    expect(form).to_contain_text("When 2 jobs fail for good within 10 m; says so when 10 m pass")
    make.click()
    expect(form.get_by_role("alert")).to_contain_text("leave status out")
    form.get_by_label("Of those that fit").fill("tag:two-refused")
    _clean(page)
    make.click()
    row = _row(page, "two-refused")
    expect(row).to_contain_text("active")
    expect(row.get_by_role("link", name="listener")).to_be_visible()
    for n in range(2):
        site.submit("refuse", n, max_retries=0, tags=["two-refused"])
    until(lambda: len(hook.got) == 1, lambda: f"{hook.got}")
    expect(row).to_contain_text("alarmed")

    row.get_by_role("link", name="listener").click()
    expect(page).to_have_url(re.compile("tab=deliveries&channel=listener"))
    sent = page.get_by_role("row").filter(has_text="two-refused")
    expect(sent).to_contain_text("delivered")
    page.get_by_role("button", name="failed", exact=True).click()
    expect(page.get_by_text("Nothing like this was sent")).to_be_visible()
    page.get_by_role("button", name="delivered", exact=True).click()
    sent.get_by_role("button", name=re.compile("^More about job.failed")).click()
    expect(page.locator("td.more pre")).to_have_text(EVIL)
    expect(page.locator("td.more")).to_contain_text('"two-refused"')
    about = page.locator("td.more").get_by_role("link", name="refuse")
    expect(about).to_have_attribute("href", re.compile("/jobs/[0-9a-f-]{36}"))
    _clean(page)
    sent.get_by_role("button", name="Replay").click()
    until(lambda: len(hook.got) == 2, lambda: f"{hook.got}")
    assert hook.got[0] == hook.got[1]

    page.get_by_role("tab", name="Channels").click()
    delete = _row(page, "listener").get_by_role("button", name="Delete…")
    expect(delete).to_have_attribute("title", re.compile("The rule two-refused names it"))
    page.get_by_role("tab", name="Rules").click()
    row.get_by_role("button", name="Change…").click()
    form = page.get_by_role("dialog", name="Change the rule two-refused")
    form.get_by_label("How many").fill("1")
    form.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("When a job fails for good; says so")
    row.get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("disabled")
    row.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete the rule").click()
    expect(row).to_have_count(0)
    site.api.delete(f"{CHANNELS}/listener")


def test_names_are_never_markup(site: Site, page: Page) -> None:
    name = EVIL[:100]
    channel = {"name": name, "kind": "email", "to": ["somebody@example.org"]}
    made = site.make(CHANNELS, channel)
    rule = {"name": name, "event": "job.failed", "filter": 'type:"<script>"', "channels": [made]}
    ruled = site.make(RULES, rule)
    for tab in ("rules", "channels", "deliveries"):
        page.goto(f"{site.url}/alerts?tab={tab}&channel={name}")
        page.locator(".skeleton").first.wait_for(state="detached")
        assert page.locator("img, main script").count() == 0
    page.goto(f"{site.url}/alerts")
    expect(page.locator("main")).to_contain_text(name)
    page.get_by_role("row").filter(has_text=name).get_by_role("button", name="Change…").click()
    expect(page.get_by_role("dialog").locator("h1")).to_contain_text(name)
    assert page.locator("img, main script").count() == 0
    assert page.title() != "pwned"
    site.api.delete(f"{RULES}/{ruled}")
    site.api.delete(f"{CHANNELS}/{made}")
