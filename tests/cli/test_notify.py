"""`tenure notify`."""

from __future__ import annotations

from tests.cli.typed import Typed


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


def test_wrong_wishes(tenure: Typed) -> None:
    assert tenure("notify", "add-channel", "x").code == 2
    assert tenure("notify", "add-channel", "x", "--webhook", "nowhere").code == 2
    assert tenure("notify", "add-rule", "x", "job.failed", "--channel", "none").code == 5
    words = ("job.failed", "--channel", "none", "--window", "soon")
    assert tenure("notify", "add-rule", "x", *words).code == 2
