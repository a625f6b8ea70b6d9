from __future__ import annotations

import json

import msgspec

from tenure.wire import base, system


def test_numbers_go_out_in_snake_case_and_come_back() -> None:
    scale = system.Autoscale(
        queue="default",
        demand=3,
        pending=2,
        running=1,
        slots=4,
        workers=1,
        as_of=base.time_out(0),
    )
    body = base.encode(scale)
    assert json.loads(body)["as_of"] == "1970-01-01T00:00:00.000000Z"
    back = msgspec.json.decode(body, type=system.Autoscale)
    assert (back.demand, back.as_of.year) == (3, 1970)


def test_readiness_lists_its_checks() -> None:
    ready = system.Readiness(status="ready", checks=[system.Check(name="store", ok=True)])
    assert json.loads(base.encode(ready)) == {
        "status": "ready",
        "checks": [{"name": "store", "ok": True, "detail": ""}],
    }
