from __future__ import annotations

from tests.cli.test_jobs import NOBODY, made
from tests.cli.typed import Typed


def test_many_jobs_at_once(tenure: Typed) -> None:
    ids = [made(tenure, "bulky", "--queue", "bulk") for _ in range(3)]
    counted = tenure("jobs", "bulk", "cancel", "queue:bulk", "--dry-run").json
    assert (counted["matched"], counted["applicable"]) == (3, 3)
    asked = tenure("jobs", "bulk", "cancel", "queue:bulk")
    assert (asked.code, asked.out) == (2, "")
    assert "3 jobs fit (3 pending), 3 take cancel" in asked.err
    assert tenure("jobs", "get", ids[0]).json["status"] == "pending"
    done = tenure("jobs", "bulk", "cancel", "queue:bulk", "-y", "--reason", "no", "--watch")
    assert (done.code, done.json["status"], done.json["done"]) == (0, "completed", 3)
    assert "3 of 3" in done.err
    listed = tenure("operations", "ls", "-n", "1").lines
    assert listed[0][:5] == [done.json["id"], "cancel", "queue:bulk", "completed", "3/3"]
    assert tenure("operations", "get", done.json["id"], "-w").json == done.json
    again = tenure("operations", "abort", done.json["id"])
    assert again.code == 6


def test_one_that_waits_is_aborted(tenure: Typed) -> None:
    job_id = made(tenure, "nobody.runs", "--queue", "aborted")
    tenure("jobs", "cancel", job_id)
    begun = tenure("jobs", "bulk", "retry", "queue:aborted", "-y", "--canary").json
    stopped = tenure("operations", "abort", begun["id"], "--reason", "enough")
    assert stopped.json["status"] == "aborted"
    watched = tenure("operations", "get", begun["id"], "--watch")
    assert (watched.code, watched.json["note"]) == (1, "by local: enough")


def test_moving_jobs(tenure: Typed) -> None:
    job_id = made(tenure, "bulky", "--queue", "from")
    words = ("requeue", "queue:from", "-q", "elsewhere", "-y", "-w")
    assert tenure("jobs", "bulk", *words).code == 0
    tenure("jobs", "bulk", "priority", "queue:elsewhere", "--priority", "7", "-y", "-w")
    job = tenure("jobs", "get", job_id).json
    assert (job["queue"], job["priority"]) == ("elsewhere", 7)


def test_what_is_wrong(tenure: Typed) -> None:
    wrong = tenure("jobs", "bulk", "cancel", "statu:failed", "-y")
    assert wrong.code == 2
    assert "did you mean status?" in wrong.err
    assert tenure("jobs", "bulk", "explode", "x", "-y").code == 2
    assert tenure("operations", "get", NOBODY).code == 5
