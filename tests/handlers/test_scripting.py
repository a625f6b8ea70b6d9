from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tenure.handlers.pipes import MAX_OUTPUT_BYTES, TAIL_BYTES
from tenure.handlers.script import python_handler
from tenure.handlers.scripting import Script, ScriptFailed
from tenure.handlers.shell import shell
from tests.handlers.scenes import Told, children, context, gone
from tests.worker.scenes import until

pytestmark = pytest.mark.anyio

python = python_handler()


@pytest.fixture(autouse=True)
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where scripts get their directories; nothing of them may be left."""
    rooms = tmp_path / "rooms"
    rooms.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(rooms))
    before = children()
    yield rooms
    assert list(rooms.iterdir()) == []
    assert children() - before == set()


async def _shell(text: str, told: Told | None = None, **fields: Any) -> Any:
    return await shell(Script(script_content=text, **fields), context(told or Told()))


async def _python(text: str, told: Told | None = None, **fields: Any) -> Any:
    return await python(Script(script_content=text, **fields), context(told or Told()))


async def _pid(file: Path) -> int:
    await until(lambda: file.exists() and file.read_text().endswith("\n"), 5)
    return int(file.read_text())


async def test_output_is_logged_and_its_tail_is_the_result() -> None:
    told = Told()
    result = await _shell("echo one; echo two >&2; printf three", told)
    assert result == {"exit_code": 0, "output": "one\ntwo\nthree"}
    assert told.lines == [("info", "one"), ("info", "two"), ("info", "three")]


async def test_python_scripts_run_isolated() -> None:
    result = await _python("import sys; print(sys.flags.isolated, sys.argv[1:])", args=["a b", "c"])
    assert result["output"] == "1 ['a b', 'c']\n"


async def test_another_interpreter_can_be_set() -> None:
    handler = python_handler("/no/such/python")
    with pytest.raises(ScriptFailed, match="cannot start /no/such/python: No such file"):
        await handler(Script(script_content="1"), context(Told()))


@pytest.mark.parametrize(
    ("stdin", "said"), [("plain é", "plain é"), ({"a": 1}, '{"a": 1}'), (None, ""), (7, "7")]
)
async def test_stdin_is_given(stdin: Any, said: str) -> None:
    assert (await _shell("cat", stdin=stdin))["output"] == said


async def test_the_environment_is_empty_but_for_what_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TENURE_TOKEN", "secret")
    result = await _python(
        "import os; print(sorted(os.environ)); print(os.environ['COLOUR'])", env={"COLOUR": "red"}
    )
    assert result["output"].splitlines() == [
        "['COLOUR', 'HOME', 'LANG', 'PATH', 'TENURE_PROGRESS_FD']", "red",
    ]  # fmt: skip


async def test_the_home_is_private_and_gone_afterwards(rooms: Path) -> None:
    home = Path((await _shell("pwd; echo x > file; [ $PWD = $HOME ]"))["output"].strip())
    assert rooms in home.parents
    assert not home.exists()


async def test_progress_lines_travel_on_their_own_descriptor() -> None:
    told = Told()
    result = await _shell(
        """
        echo '{"fraction": 0.5, "message": "half"}' >&$TENURE_PROGRESS_FD
        echo 'nonsense' >&$TENURE_PROGRESS_FD
        echo 'nonsense' >&$TENURE_PROGRESS_FD
        echo '{"fraction": 1}' >&$TENURE_PROGRESS_FD
        """,
        told,
    )
    assert result["output"] == ""
    assert told.progress == [(0.5, "half"), (1.0, None)]
    assert [level for level, _ in told.lines] == ["warning"]


async def test_another_exit_code_fails_with_the_tail() -> None:
    with pytest.raises(ScriptFailed, match=r"exit code 3\nwhy") as caught:
        await _shell("echo why; exit 3")
    assert len(str(caught.value)) < 100


async def test_death_by_a_signal_is_named() -> None:
    with pytest.raises(ScriptFailed, match="killed by signal 9"):
        await _shell("kill -9 $$")
    with pytest.raises(ScriptFailed, match="killed by signal 11"):
        await _shell("kill -SEGV $$")


async def test_a_flood_of_output_is_cut_and_drained() -> None:
    told = Told()
    result = await _python(
        f"import sys; sys.stdout.write('x' * 99 + '\\n'); sys.stdout.write(('y' * 99 + '\\n') * "
        f"{3 * MAX_OUTPUT_BYTES // 100}); print('the end')",
        told,
    )
    assert len(told.text) < MAX_OUTPUT_BYTES + 100_000
    assert "bytes of output were not kept" in told.lines[-1][1]
    assert len(result["output"]) <= TAIL_BYTES
    assert result["output"].endswith("the end\n")


async def test_bytes_that_are_no_text_and_endless_lines_are_borne() -> None:
    told = Told()
    await _shell("printf '\\377\\000x\\n'; head -c 50000 /dev/zero | tr '\\0' z", told)
    assert told.lines[0][1] == "\ufffd\0x"
    assert max(len(text) for _, text in told.lines) <= 8 * 1024


async def test_a_cancelled_script_may_clean_up(rooms: Path, tmp_path: Path) -> None:
    file = tmp_path / "lock"
    task = asyncio.ensure_future(
        _shell(f"trap 'rm {file}; exit 0' TERM; echo $$ > {file}; while :; do sleep 0.01; done")
    )
    await _pid(file)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not file.exists()


async def test_a_script_that_ignores_sigterm_is_killed_with_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenure.handlers.scripting.GRACE_SECONDS", 0.1)
    script, child = tmp_path / "script", tmp_path / "child"
    task = asyncio.ensure_future(
        _shell(f"trap '' TERM; sleep 60 & echo $! > {child}; echo $$ > {script}; wait; sleep 60")
    )
    pids = [await _pid(script), await _pid(child)]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: all(gone(pid) for pid in pids), 1)


async def test_nothing_that_it_started_outlives_a_script(tmp_path: Path) -> None:
    """Neither a background child, nor one in a session of its own, nor a daemon."""
    began = time.monotonic()
    result = await _shell(
        f"""
        sleep 60 & echo $! > {tmp_path}/background
        setsid sh -c 'echo $$ > {tmp_path}/session; exec sleep 60' &
        setsid sh -c '(trap "" TERM HUP; (echo 1; exec env -i sh -c "echo \\$\\$ > {tmp_path}/daemon
            exec sleep 60") &) &' &
        while [ ! -s {tmp_path}/daemon ] || [ ! -s {tmp_path}/session ]; do sleep 0.01; done
        """
    )
    assert result["exit_code"] == 0
    assert time.monotonic() - began < 5
    pids = [await _pid(tmp_path / name) for name in ("background", "session", "daemon")]
    await until(lambda: all(gone(pid) for pid in pids), 1)


async def test_a_cancelled_script_takes_its_daemons_along(tmp_path: Path) -> None:
    file = tmp_path / "daemon"
    task = asyncio.ensure_future(
        _shell(f"setsid sh -c 'echo $$ > {file}; exec sleep 60' & while :; do sleep 1; done")
    )
    pid = await _pid(file)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: gone(pid), 1)


async def test_a_script_that_is_cancelled_twice_is_killed_at_once(tmp_path: Path) -> None:
    script, daemon = tmp_path / "script", tmp_path / "daemon"
    task = asyncio.ensure_future(
        _shell(
            f"trap '' TERM; setsid sh -c 'echo $$ > {daemon}; exec sleep 60' &"
            f"echo $$ > {script}; while :; do sleep 1; done"
        )
    )
    pids = [await _pid(script), await _pid(daemon)]
    task.cancel()
    await asyncio.sleep(0.1)
    assert not gone(pids[0])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: all(gone(pid) for pid in pids), 1)
    await until(lambda: not _supervisors(), 2)


def _supervisors() -> list[int]:
    return [
        pid
        for pid in children()
        if b"supervisor.py" in Path(f"/proc/{pid}/cmdline").read_bytes() and not gone(pid)
    ]


async def test_a_script_whose_supervisor_is_killed_dies_with_it(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    before = children()
    task = asyncio.ensure_future(_shell(f"echo $$ > {file}; while :; do sleep 1; done"))
    pid = await _pid(file)
    (supervisor,) = children() - before
    os.kill(supervisor, signal.SIGKILL)
    with pytest.raises(ScriptFailed, match="signal 9"):
        await task
    await until(lambda: gone(pid), 1)


async def test_limits_hold() -> None:
    said = (
        await _python(
            "import resource as r\n"
            "for kind in (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_CORE):\n"
            "    print(*r.getrlimit(kind))\n"
        )
    )["output"]
    assert said.splitlines() == [
        f"{4 * 2**30} {4 * 2**30}", "3600 3600", f"{2**30} {2**30}", "0 0",
    ]  # fmt: skip


async def test_a_script_runs_in_its_own_session_with_usual_signals() -> None:
    said = (
        await _python(
            "import os, signal\n"
            "print(os.getsid(0) == os.getpid(), signal.pthread_sigmask(signal.SIG_BLOCK, []))\n"
            "print(sorted(os.listdir('/proc/self/fd'), key=int))\n"
        )
    )["output"].splitlines()
    assert said[0] == "True set()"
    assert said[1].count(",") == 4  # three standard ones, progress, and the listing's own


@pytest.mark.parametrize(
    "fields",
    [
        {"script_content": ""},
        {},
        {"script_content": "x", "args": ["a\0"]},
        {"script_content": "x", "env": {"A=B": "c"}},
        {"script_content": "x", "env": {"A": "\0"}},
        {"script_content": "x", "unknown": 1},
    ],
)
def test_scripts_that_cannot_be(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Script(**fields)
