from __future__ import annotations

from tests.cli.test_jobs import NOBODY, made
from tests.cli.typed import Typed


def status(tenure: Typed, job_id: str) -> str:
    text: str = tenure("jobs", "get", job_id, "-o", "json").json["status"]
    return text


def test_pause_resume_cancel_retry_and_remove(tenure: Typed) -> None:
    job_id = made(tenure, "controlled")
    for action, state in (
        ("pause", "paused"),
        ("resume", "pending"),
        ("cancel", "cancelled"),
        ("retry", "pending"),
    ):
        done = tenure("jobs", action, job_id, "--reason", f"why {action}")
        assert (done.code, done.lines[0][3]) == (0, state)
        assert status(tenure, job_id) == state
    reasons = [line[3] for line in tenure("jobs", "events", job_id).lines]
    assert reasons == ["why pause", "why resume", "why cancel", "why retry"]
    removed = tenure("jobs", "rm", job_id)
    assert (removed.code, removed.out, removed.err) == (0, "", f"removed {job_id}\n")
    assert tenure("jobs", "get", job_id).code == 5


def test_several_at_once_go_on_after_a_failure(tenure: Typed) -> None:
    first, last = made(tenure, "several"), made(tenure, "several")
    done = tenure("jobs", "cancel", first, NOBODY, last, "-o", "json")
    assert done.code == 5
    assert [job["id"] for job in done.json] == [first, last]
    assert NOBODY in done.err
    assert status(tenure, last) == "cancelled"


def test_what_a_state_does_not_allow_is_exit_code_6(tenure: Typed) -> None:
    job_id = made(tenure, "conflict")
    done = tenure("jobs", "retry", job_id)
    assert (done.code, done.out) == (6, "")
    assert done.err.startswith("error: ")


def test_an_edit_changes_what_is_given(tenure: Typed) -> None:
    job_id = made(tenure, "edited", "a=1", "--tag", "x", "--timeout", "9s")
    words = "--priority -7 --payload b=2 --payload c=3 --tag y --tag z --queue other --name n"
    done = tenure("jobs", "edit", job_id, *words.split(), "--max-retries", "9", "-o", "json")
    job = done.json[0]
    assert (job["priority"], job["payload"], job["tags"]) == (-7, {"b": 2, "c": 3}, ["y", "z"])
    assert (job["queue"], job["name"], job["max_attempts"]) == ("other", "n", 10)
    assert job["timeout_seconds"] == 9.0
    assert tenure("jobs", "edit", job_id, "--after", "1h").lines[0][3] == "scheduled"


def test_an_edit_of_another_version_is_exit_code_6(tenure: Typed) -> None:
    job_id = made(tenure, "versions")
    assert tenure("jobs", "edit", job_id, "--name", "a", "--version", "1").code == 0
    assert tenure("jobs", "edit", job_id, "--name", "b", "--version", "1").code == 6


def test_an_edit_of_nothing_is_a_usage_error(tenure: Typed) -> None:
    done = tenure("jobs", "edit", made(tenure, "nothing"))
    assert (done.code, "nothing to change" in done.err) == (2, True)
