from __future__ import annotations

from pathlib import Path

import pytest

from tenure.domain.ids import is_id
from tests.cli.typed import Typed
from tests.worker.running import Running

pytestmark = pytest.mark.usefixtures("worker")


def test_the_id_is_all_that_is_printed(tenure: Typed) -> None:
    done = tenure("submit", "nobody")
    assert (done.code, done.err) == (0, "")
    assert is_id(done.out.strip())


def test_json_says_whether_the_key_was_known(tenure: Typed) -> None:
    first = tenure("submit", "nobody", "a=1", "--key", "submit-1", "-o", "json").json
    assert first["existing"] is False
    again = tenure("submit", "nobody", "a=1", "--key", "submit-1", "-o", "jsonl").json
    assert again == {"id": first["id"], "existing": True}
    assert tenure("submit", "nobody", "a=2", "--key", "submit-1").code == 2


def test_every_option_arrives(tenure: Typed) -> None:
    words = (
        "--queue q --priority high --at 2040-01-31T08:30:00Z --tag x --tag y --name n --timeout 90s"
        " --max-retries 2 --backoff linear --expires-at 2041-01-01T00:00:00Z --on-lost fail"
    )
    made = tenure("submit", "nobody", '{"f": 1.10}', *words.split()).out.strip()
    job = tenure("jobs", "get", made, "-o", "json").json
    assert job["payload"] == {"f": 1.1}
    assert (job["queue"], job["priority"], job["tags"], job["name"]) == ("q", 10, ["x", "y"], "n")
    assert (job["run_at"], job["status"]) == ("2040-01-31T08:30:00Z", "scheduled")
    assert (job["timeout_seconds"], job["max_attempts"], job["on_lost"]) == (90.0, 3, "fail")
    assert job["retry_policy"]["strategy"] == "linear"
    assert job["expires_at"] == "2041-01-01T00:00:00Z"


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


@pytest.mark.parametrize(
    ("words", "environment", "expected"),
    [
        (["--traceparent", TRACE], {"TRACEPARENT": OTHER}, TRACE),
        ([], {"TRACEPARENT": TRACE}, TRACE),
        ([], {"TRACEPARENT": "nothing"}, None),
    ],
)
def test_a_job_goes_on_with_the_trace_it_is_submitted_in(
    running: Running, words: list[str], environment: dict[str, str], expected: str | None
) -> None:
    """As that of a CI job, which tells it in the environment."""
    tenure = Typed(running.url, **environment)
    made = tenure("submit", "nobody", *words).out.strip()
    assert tenure("jobs", "get", made).json["traceparent"] == expected


def test_a_wrong_trace_is_refused(tenure: Typed) -> None:
    done = tenure("submit", "nobody", "--traceparent", TRACE.upper())
    assert (done.code, done.out) == (2, "")
    assert "traceparent" in done.err


def test_a_job_waits_for_others(tenure: Typed) -> None:
    first, second = (tenure("submit", "idle", "--after", "1h").out.strip() for _ in range(2))
    words = ("--depends-on", first, "--depends-on", f"{second.upper()}:done", "--join", "any")
    waits = tenure("submit", "idle", *words).out.strip()
    job = tenure("jobs", "get", waits).json
    assert (job["status"], job["join"]) == ("blocked", "any")
    edges = {edge["job_id"]: edge["on"] for edge in job["depends_on"]}
    assert edges == {first: "success", second: "done"}
    assert tenure("jobs", "cancel", second).code == 0
    assert tenure("jobs", "get", waits).json["status"] == "pending"
    wrong = tenure("submit", "idle", "--depends-on", f"{first}:never")
    assert (wrong.code, "success" in wrong.err) == (2, True)
    tenure("jobs", "cancel", first, waits)


def test_after_is_a_delay(tenure: Typed) -> None:
    made = tenure("submit", "nobody", "--after", "1h").out.strip()
    assert tenure("jobs", "get", made, "-o", "json").json["status"] == "scheduled"


def test_the_payload_from_a_file_and_from_stdin(tenure: Typed, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text('{"name": "file"}')
    done = tenure("submit", "greet", f"@{file}", "--wait", "-o", "json")
    assert done.json["result"] == "hello file"
    done = tenure("submit", "greet", "-", "--wait", "-o", "json", stdin='{"name": "stdin"}')
    assert done.json["result"] == "hello stdin"


def test_waiting_prints_the_job_and_its_end_is_the_exit_code(tenure: Typed) -> None:
    good = tenure("submit", "greet", "name=you", "--wait")
    assert (good.code, good.json["status"], good.json["result"]) == (0, "completed", "hello you")
    bad = tenure("submit", "refuse", '"no"', "--wait")
    assert (bad.code, bad.json["status"], bad.json["error"]["message"]) == (3, "failed", "no")


def test_a_person_sees_lines(tenure: Typed) -> None:
    done = tenure("submit", "refuse", '"no"', "--wait", "-o", "table")
    assert done.code == 3
    assert "status" in done.out
    assert "Fail: no" in done.out


def test_following_shows_the_log_on_stderr(tenure: Typed) -> None:
    done = tenure("submit", "greet", "name=you", "--follow")
    assert done.json["result"] == "hello you"
    assert "info    greeting" in done.err
    assert "warning with \\x1b[31mcolour\\nand a break" in done.err


def test_a_wait_that_takes_too_long_is_124(tenure: Typed) -> None:
    for words in (["--wait-timeout", "50ms"], ["--wait-timeout", "0.05", "--follow"]):
        done = tenure("submit", "nobody", *words)
        assert (done.code, done.out) == (124, "")
        assert "did not finish in time" in done.err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["bad type!"], "type"),
        (["x", "{bad"], "payload: is not JSON"),
        (["x", "--priority", "1000"], "priority"),
        (["x", "--priority", "highest"], "priority"),
        (["x", "--at", "tomorrow"], "tomorrow"),
        (["x", "--after", "soon"], "soon"),
        (["x", "--after", "1s", "--at", "2040-01-01T00:00:00Z"], "not both"),
        (["x", "--max-retries", "-1"], "max-retries"),
        ([], "TYPE"),
        (["x", "--nonsense"], "--nonsense"),
    ],
)
def test_wrong_words_are_usage_errors(tenure: Typed, words: list[str], text: str) -> None:
    done = tenure("submit", *words)
    assert (done.code, done.out if words else "") == (2, "")
    assert text in done.err + done.out
    assert "Traceback" not in done.err
