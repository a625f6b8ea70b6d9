from __future__ import annotations

from tests.cli.typed import Typed


def test_the_audit_is_listed(tenure: Typed) -> None:
    done = tenure("audit", "--action", "coordinator.start", "-o", "json")
    assert done.code == 0
    [line] = done.json
    assert (line["target"], line["actor"]) == ("coordinator", None)
    assert line["after"]["database_url"].startswith("sqlite:")
    assert tenure("audit", "--since", "2100-01-01T00:00:00Z").lines == []
    wrong = tenure("audit", "--since", "yesterday")
    assert wrong.code == 2
    assert "since: must be an RFC 3339 time" in wrong.err
