from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.cli.serving import serving
from tests.cli.typed import Typed, spawn


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, number: int) -> None:
    with serving("coordinator", "--port", "0", directory=tmp_path) as served:
        served.listen()
        done = Typed(served.url)("submit", "x")
        assert done.code == 0, done.err
        assert served.stop(number) == 0
    assert (tmp_path / "tenure.db").exists()
    assert "Traceback" not in served.said


def test_it_takes_settings_from_everywhere(tmp_path: Path) -> None:
    (tmp_path / "tenure.toml").write_text('database_url = "sqlite:///mine.db"\nport = 1\n')
    with serving(
        "coordinator",
        "--port=0",
        "--log-format=json",
        directory=tmp_path,
        TENURE_PORT="2",
    ) as served:
        served.listen()
        assert served.said.startswith("{")
        assert Typed(served.url)("jobs", "ls").code == 0
        assert served.stop() == 0
    assert (tmp_path / "mine.db").exists()


def test_a_second_one_on_the_same_file_is_refused(tmp_path: Path) -> None:
    with serving("coordinator", "--port", "0", directory=tmp_path) as served:
        served.listen()
        assert Typed(served.url)("submit", "x").code == 0
        second = spawn(
            "coordinator", "--port", "0", f"--database-url=sqlite:///{tmp_path}/tenure.db"
        )
        assert (second.code, second.out) == (1, "")
        assert "another coordinator uses" in second.err.splitlines()[-1]
        assert "Traceback" not in second.err
        assert Typed(served.url)("jobs", "ls").code == 0
        assert served.stop() == 0


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with serving("coordinator", "--port", "0", directory=tmp_path) as served:
        served.listen()
        port = served.url.rpartition(":")[2]
        second = spawn("coordinator", "--port", port, f"--database-url=sqlite:///{tmp_path}/b.db")
        assert served.stop() == 0
    assert (second.code, second.out) == (1, "")
    assert f"cannot listen on 127.0.0.1:{port}" in second.err.splitlines()[-1]


def test_other_addresses_need_authentication() -> None:
    done = spawn("coordinator", "--host", "0.0.0.0", "--port", "0")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
