"""With authentication: signing in, what a viewer may not do, and tokens that end."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tenure.coordinator import live
from tests.ui.site import PATIENCE_SECONDS, Site
from tests.worker.running import Running

expect.set_options(timeout=PATIENCE_SECONDS * 1000)
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def guarded(
    built_dashboard: None, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A coordinator that asks who comes, with a viewer and a user."""
    place = tmp_path_factory.mktemp("guarded")
    running = Running(place)
    file = place / "admin.token"
    changes = {"auth": "required", "admin_token_file": str(file)}
    running.settings = running.settings.model_copy(update=changes)
    running.start()
    token = file.read_text("utf-8").strip()
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=60) as api:
        site = Site(api, running, browser, {"token": token})
        for name, role in (("vera", "viewer"), ("uma", "user")):
            body = {"name": name, "password": PASSWORD, "role": role}
            site.known[name] = site.make("/api/users", body)
        site.known["job"] = site.submit("nobody", {"n": 1})["id"]
        yield site
    running.stop()


@pytest.fixture
def visitor(guarded: Site) -> Iterator[Page]:
    """A page in a browser without a past."""
    context = guarded.context()
    guarded.faults.clear()
    yield guarded.watch(context.new_page())
    context.close()
    assert guarded.faults == []


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail or name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_viewer_sees_what_it_may_not_do_and_why(guarded: Site, visitor: Page) -> None:
    visitor.goto(f"{guarded.url}/jobs/{guarded.known['job']}")
    visitor.get_by_role("heading", name="Sign in to Tenure").wait_for()
    assert Axe().run(visitor).response["violations"] == []
    sign_in(visitor, "vera", "wrong password")
    expect(visitor.get_by_role("alert")).to_be_visible()
    sign_in(visitor, "vera")
    expect(visitor.get_by_text("Ready to run")).to_be_visible()
    for name in ("Cancel", "Pause", "Clone", "Submit"):
        button = visitor.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_attribute("title", re.compile(r"Your role \(viewer\) may not"))
        button.click(force=True)
    assert visitor.locator("dialog").count() == 0
    assert guarded.job(guarded.known["job"])["status"] == "pending"
    visitor.goto(f"{guarded.url}/admin")
    expect(visitor.get_by_role("tab", name="Tokens")).to_be_visible()
    assert visitor.get_by_role("tab", name="Users").count() == 0
    expect(visitor.locator(".indicator")).to_have_text("Live")


def test_alerts_and_limits_are_an_administrators(guarded: Site, visitor: Page) -> None:
    channel = {"name": "ops", "kind": "email", "to": ["ops@example.org"]}
    guarded.make("/api/notifications/channels", channel)
    rule = {"name": "fails", "event": "job.failed", "channels": ["ops"]}
    guarded.make("/api/notifications/rules", rule)
    visitor.goto(f"{guarded.url}/alerts")
    sign_in(visitor, "vera")
    expect(visitor.get_by_role("row", name=re.compile("^fails"))).to_contain_text("1 channel")
    for name in ("Make a rule", "Change…", "Disable", "Delete…"):
        button = visitor.get_by_role("button", name=name)
        expect(button).to_have_attribute("title", re.compile("may not administer"))
        button.click(force=True)
    assert visitor.locator("dialog").count() == 0
    visitor.get_by_role("tab", name="Channels").click()
    expect(visitor.get_by_text("For administrators")).to_be_visible()
    assert Axe().run(visitor).response["violations"] == []
    visitor.goto(f"{guarded.url}/queues/default")
    for name in ("Pause…", "Save"):
        button = visitor.get_by_role("button", name=name)
        expect(button).to_have_attribute("title", re.compile("may not administer"))
    visitor.get_by_role("button", name="vera").click()
    expect(visitor.get_by_role("heading", name="Sign in to Tenure")).to_be_visible()


def test_an_administrator_comes_in_with_the_first_token(guarded: Site, visitor: Page) -> None:
    visitor.goto(f"{guarded.url}/admin")
    visitor.get_by_role("button", name="Use a token").click()
    visitor.get_by_label("Token").fill("tn_nonsense")
    visitor.get_by_role("button", name="Sign in").click()
    expect(visitor.get_by_role("alert")).to_contain_text("unknown here")
    if visitor.get_by_label("Token").count() == 0:
        visitor.get_by_role("button", name="Use a token").click()
    visitor.get_by_label("Token").fill(guarded.known["token"])
    visitor.get_by_role("button", name="Sign in").click()
    expect(visitor.get_by_role("row", name=re.compile("vera"))).to_be_visible()
    visitor.get_by_role("button", name="Add a user").click()
    dialog = visitor.get_by_role("dialog")
    dialog.get_by_label("Name").fill("nina")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Add").click()
    expect(visitor.get_by_role("row", name=re.compile("nina"))).to_be_visible()
    visitor.get_by_role("tab", name="Tokens").click()
    visitor.get_by_role("button", name="Make a token").click()
    visitor.get_by_role("dialog").get_by_label("Name").fill("ci")
    visitor.get_by_role("dialog").get_by_role("button", name="Make").click()
    told = visitor.get_by_role("dialog").locator("code").inner_text()
    with httpx.Client(base_url=guarded.url, headers={"Authorization": f"Bearer {told}"}) as api:
        assert api.get("/api/auth/me").json()["kind"] == "api_token"
    visitor.get_by_role("button", name="I have it").click()
    visitor.get_by_role("tab", name="Audit").click()
    expect(visitor.get_by_role("cell", name="coordinator.start")).to_be_visible()
    assert Axe().run(visitor).response["violations"] == []


def test_people_and_their_tokens_are_looked_after(guarded: Site, visitor: Page) -> None:
    guarded.make("/api/users", {"name": "otto", "password": PASSWORD, "role": "user"})
    visitor.goto(f"{guarded.url}/admin?tab=tokens")
    sign_in(visitor, "otto")
    visitor.get_by_role("button", name="Change my password…").click()
    dialog = visitor.get_by_role("dialog")
    dialog.get_by_label("Current password").fill("not this one")
    dialog.get_by_label("New password").fill("a new password")
    dialog.get_by_role("button", name="Change", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("the current password is wrong")
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_role("button", name="Change", exact=True).click()
    expect(dialog).to_have_count(0)
    visitor.get_by_role("button", name="Make a token").click()
    assert dialog.get_by_role("checkbox", name=re.compile("^administer")).count() == 0
    dialog.get_by_label("Name").fill("narrow")
    dialog.get_by_role("checkbox", name=re.compile("^read")).check()
    assert Axe().run(visitor).response["violations"] == []
    dialog.get_by_role("button", name="Make", exact=True).click()
    token = dialog.locator("code").inner_text()
    told = httpx.get(f"{guarded.url}/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert "read" in told.json()["permissions"]
    assert "submit" not in told.json()["permissions"]
    dialog.get_by_role("button", name="I have it").click()
    visitor.get_by_role("button", name="otto").click()

    visitor.get_by_role("button", name="Use a token").click()
    visitor.get_by_label("Token").fill(guarded.known["token"])
    visitor.get_by_role("button", name="Sign in").click()
    visitor.goto(f"{guarded.url}/admin")
    row = visitor.get_by_role("row", name=re.compile("^otto"))
    row.get_by_role("button", name="Set password…").click()
    dialog.get_by_label("New password").fill("set by somebody")
    dialog.get_by_role("button", name="Set", exact=True).click()
    expect(dialog).to_have_count(0)
    login = {"name": "otto", "password": "set by somebody"}
    assert httpx.post(f"{guarded.url}/api/auth/login", json=login).status_code == 200
    row.get_by_role("button", name="Delete…").click()
    visitor.get_by_role("button", name="Delete the account").click()
    expect(row).to_have_count(0)


def test_who_is_locked_out_sees_nothing_more(
    guarded: Site, visitor: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.2)
    visitor.goto(guarded.url)
    sign_in(visitor, "uma")
    expect(visitor.locator(".indicator")).to_have_text("Live")
    guarded.api.patch(f"/api/users/{guarded.known['uma']}", json={"disabled": True})
    expect(visitor.get_by_role("heading", name="Sign in to Tenure")).to_be_visible()
    guarded.api.patch(f"/api/users/{guarded.known['uma']}", json={"disabled": False})


def test_signing_out_ends_the_login(guarded: Site, visitor: Page) -> None:
    visitor.goto(guarded.url)
    sign_in(visitor, "vera")
    visitor.get_by_role("button", name="vera").click()
    expect(visitor.get_by_role("heading", name="Sign in to Tenure")).to_be_visible()
    visitor.reload()
    expect(visitor.get_by_role("heading", name="Sign in to Tenure")).to_be_visible()
