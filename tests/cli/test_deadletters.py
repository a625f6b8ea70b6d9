from __future__ import annotations

import pytest

from tests.cli.test_jobs import made
from tests.cli.typed import Typed


@pytest.mark.usefixtures("worker")
def test_causes_are_listed_shown_replayed_and_purged(tenure: Typed) -> None:
    ids = [made(tenure, "refuse", '"user 17 is gone"') for _ in range(2)]
    for job_id in ids:
        assert tenure("jobs", "watch", job_id).code == 3
    [line] = [line for line in tenure("dlq", "ls", "type:refuse").lines if "user" in line[4]]
    assert (line[1], line[2], line[4]) == ("2", "refuse", "Fail: user 17 is gone")
    shown = tenure("dlq", "show", line[0]).json
    assert (shown["count"], shown["sample_job_id"]) == (2, ids[1])
    replayed = tenure("dlq", "replay", line[0], "--canary", "-y", "-w")
    assert (replayed.code, replayed.json["status"], replayed.json["done"]) == (1, "stopped", 1)
    assert "ended as failed" in replayed.err
    purged = tenure("dlq", "purge", f"fingerprint:{line[0]}", "-y", "-w", "--reason", "known")
    assert (purged.code, purged.json["done"], purged.json["reason"]) == (0, 2, "known")
    assert tenure("dlq", "show", line[0]).code == 5
    assert tenure("dlq", "purge", line[0]).code == 2
