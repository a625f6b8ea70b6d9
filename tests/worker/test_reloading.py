from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from tenure.worker.reloading import Reloader


def _appends(file: Path, code: int | None) -> list[str]:
    end = "time.sleep(60)" if code is None else f"sys.exit({code})"
    text = f"import sys, time; open({str(file)!r}, 'a').write('x'); {end}"
    return [sys.executable, "-I", "-S", "-c", text]


def _until(file: Path, text: str) -> None:
    deadline = time.monotonic() + 5
    while not (file.exists() and file.read_text() == text):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _touch(file: Path, text: str) -> None:
    """Write until the time of change is another, whatever the clock's grain."""
    before = file.stat().st_mtime_ns
    while file.stat().st_mtime_ns == before:
        file.write_text(text)


def test_a_change_restarts_and_a_stop_ends(tmp_path: Path) -> None:
    starts, watched = tmp_path / "starts", tmp_path / "watched.py"
    watched.write_text("1")
    reloader = Reloader(_appends(starts, None), [watched])
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(reloader.run()))
    thread.start()
    _until(starts, "x")
    _touch(watched, "2")
    _until(starts, "xx")
    reloader.stop()
    thread.join(5)
    assert codes == [-signal.SIGTERM]


def test_a_child_that_fails_waits_for_the_next_change(tmp_path: Path) -> None:
    starts, watched = tmp_path / "starts", tmp_path / "watched.py"
    watched.write_text("1")
    reloader = Reloader(_appends(starts, 1), [watched])
    thread = threading.Thread(target=reloader.run)
    thread.start()
    _until(starts, "x")
    _touch(watched, "2")
    _until(starts, "xx")
    reloader.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_a_child_that_ends_well_ends_it(tmp_path: Path) -> None:
    reloader = Reloader(_appends(tmp_path / "starts", 0), [tmp_path / "absent.py"])
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(reloader.run()))
    thread.start()
    thread.join(5)
    assert codes == [0]


def test_sigterm_ends_it_and_its_child(tmp_path: Path) -> None:
    starts, watched = tmp_path / "starts", tmp_path / "watched.py"
    watched.write_text("1")
    text = (
        "import sys; from pathlib import Path; from tenure.worker.reloading import Reloader\n"
        f"sys.exit(Reloader({_appends(starts, None)!r}, [Path({str(watched)!r})]).run() < 0)"
    )
    process = subprocess.Popen([sys.executable, "-c", text])
    _until(starts, "x")
    process.terminate()
    assert process.wait(5) == 1
