"""`tenure notify`."""

from __future__ import annotations

from collections.abc import Iterator

import anyio.from_thread
import pytest

from tests.cli.conftest import REACHED
from tests.cli.typed import Typed
from tests.notify.receiver import Receiver


def test_channels_rules_and_deliveries(tenure: Typed) -> None:
    done = tenure("notify", "add-channel", "ops", "--webhook", "http://127.0.0.1:9/hook")
    assert (done.code, done.out.startswith("whsec_")) == (0, True)
    assert tenure("notify", "rotate", "ops").out.startswith("whsec_")
    words = ("--channel", "ops", "--filter", "queue:mail", "--threshold", "3", "--window", "10m")
    made = tenure("notify", "add-rule", "mail", "job.failed", *words, "-o", "json").json[0]
    assert (made["threshold"], made["window_seconds"], made["filter"]) == (3, 600, "queue:mail")
    assert tenure("notify", "rules", "-o", "json").json[0]["name"] == "mail"
    assert tenure("notify", "rm-channel", "ops").code == 6
    tested = tenure("notify", "test", "ops", "-o", "json")
    assert tested.code == 1
    assert "TENURE_HTTP_ALLOW" in tested.json[0]["error"]
    [sent] = tenure("notify", "deliveries", "--channel", "ops", "-o", "json").json
    assert tenure("notify", "replay", sent["id"]).code == 0
    assert tenure("notify", "disable", "ops").code == 0
    assert tenure("notify", "enable", "ops", "-o", "json").json[0]["disabled"] is False
    assert tenure("notify", "channels", "-o", "json").json[0]["target"] == "http://127.0.0.1:9/..."
    assert tenure("notify", "rm-rule", "mail").code == 0
    assert tenure("notify", "rm-channel", "ops").code == 0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(host=REACHED)
    with anyio.from_thread.start_blocking_portal() as portal:
        portal.call(made.start)
        yield made
        portal.call(made.stop)


def test_a_test_that_arrives(tenure: Typed, receiver: Receiver) -> None:
    assert tenure("notify", "add-channel", "well", "--webhook", receiver.url).code == 0
    tested = tenure("notify", "test", "well", "-o", "json")
    assert (tested.code, tested.json[0]["status"]) == (0, "delivered")
    [got] = receiver.got
    assert got.headers["webhook-id"] == tested.json[0]["id"]
    receiver.status = 503
    refused = tenure("notify", "test", "well", "-o", "json")
    assert (refused.code, refused.json[0]["error"]) == (1, "HTTP 503")
    assert tenure("notify", "rm-channel", "well").code == 0


def test_wrong_wishes(tenure: Typed) -> None:
    assert tenure("notify", "add-channel", "x").code == 2
    assert tenure("notify", "add-channel", "x", "--webhook", "nowhere").code == 2
    assert tenure("notify", "add-rule", "x", "job.failed", "--channel", "none").code == 5
    words = ("job.failed", "--channel", "none", "--window", "soon")
    assert tenure("notify", "add-rule", "x", *words).code == 2
