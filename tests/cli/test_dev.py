from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.cli.serving import serving
from tests.cli.typed import Typed, spawn
from tests.client.scripted import free_port

HANDLERS = """
from tenure import handler

@handler("shout")
def shout(payload: str) -> str:
    return payload.upper()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_process_takes_and_runs_jobs(tmp_path: Path, number: int) -> None:
    (tmp_path / "app.py").write_text(HANDLERS)
    with serving("dev", "app.py", "--port", "0", directory=tmp_path) as served:
        served.listen()
        tenure = Typed(served.url)
        done = tenure("submit", "shout", '"quietly"', "--wait-timeout", "20s")
        assert (done.code, done.json["result"]) == (0, "QUIETLY")
        assert tenure("submit", "echo", "a=1", "--wait-timeout", "20s").json["result"] == {"a": 1}
        assert [line[1] for line in tenure("workers", "ls").lines] == ["dev"]
        assert served.stop(number) == 0
    assert "shout" in served.said
    assert "Traceback" not in served.said


def test_what_cannot_start_is_one_line(tmp_path: Path) -> None:
    done = spawn("dev", str(tmp_path / "missing.py"), "--port", str(free_port()))
    assert (done.code, done.out) == (1, "")
    assert "missing.py" in done.err
    assert "Traceback" not in done.err
