from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tenure import __version__
from tests.cli.typed import Typed, clean, spawn
from tests.client.scripted import Reply, free_port, scripted

SERVER_ONLY = {"litestar", "sqlalchemy", "uvicorn", "alembic", "aiosqlite", "asyncpg"}
OTHERS = {"bench", "coordinator", "dev", "worker"}
EMPTY = Reply(body=b'{"items": []}')


def modules_of(*words: str, **environment: str) -> set[str]:
    """What a command has imported when it ends."""
    script = (
        "import sys; from tenure.cli.main import run; run(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        env=clean() | environment,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words",
    [
        ["jobs", "ls"],
        ["submit", "x", "a=1"],
        ["jobs", "cancel", "01900000-0000-7000-8000-000000000000"],
        ["workers", "ls"],
        ["stats"],
    ],
)
def test_client_commands_import_no_server(words: list[str]) -> None:
    with scripted(EMPTY) as server:
        loaded = modules_of(*words, TENURE_COORDINATOR_URL=server.url)
        assert len(server.asked) == 1
    assert "httpcore" in loaded
    assert not loaded & {"httpx", "rich"}
    assert {name.partition(".")[0] for name in loaded} & SERVER_ONLY == set()
    parts = {name.split(".")[1] for name in loaded if name.startswith("tenure.")}
    assert parts & {"api", "store", "coordinator", "background", "worker", "handlers"} == set()


def test_help_imports_next_to_nothing() -> None:
    loaded = modules_of("--help")
    assert not loaded & {"httpx", "msgspec", "rich.console", *SERVER_ONLY}
    assert {name for name in loaded if name.startswith("tenure.cli.")} == {
        "tenure.cli.exits",
        "tenure.cli.lazy",
        "tenure.cli.main",
    }


def cheapest(run: Callable[[], object]) -> float:
    """The least of five runs in seconds of processor time: waiting is the machine's business."""
    laps = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        laps.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(laps)


def test_commands_start_fast() -> None:
    """Against what this machine takes to import libraries that many such commands start with."""
    bare = [sys.executable, "-c", "import httpx, pydantic, typer"]
    imports = cheapest(lambda: subprocess.run(bare, check=True))
    assert cheapest(lambda: spawn("--help")) < imports
    with scripted(EMPTY) as server:
        assert cheapest(lambda: spawn("jobs", "ls", "--url", server.url)) < 2.5 * imports


def test_help_names_every_command(tenure: Typed) -> None:
    done = tenure("--help")
    assert done.code == 0
    for name in ("coordinator", "worker", "dev", "submit", "jobs", "queues", "workers", "stats"):
        assert f"\n  {name} " in done.out
    assert (tenure().code, tenure().out) == (0, done.out)
    assert tenure("jobs", "-h").code == 0


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_the_version(tenure: Typed, words: list[str]) -> None:
    assert tenure(*words).out == f"tenure {__version__}\n"


def test_every_command_has_help(tenure: Typed) -> None:
    for name in ("submit", "migrate", "openapi", "config", "jobs", *sorted(OTHERS)):
        done = tenure(name, "--help")
        assert done.code == 0
        assert done.out.startswith(f"Usage: tenure {name} ")


@pytest.mark.parametrize(
    ("words", "text"),
    [(["subm"], "submit"), (["jobs", "lss"], "ls"), (["jobs", "ls", "--frob"], "--frob")],
)
def test_a_wrong_word_is_a_usage_error(tenure: Typed, words: list[str], text: str) -> None:
    done = tenure(*words)
    assert (done.code, done.out) == (2, "")
    assert text in done.err


def test_nobody_listening_is_exit_code_8() -> None:
    done = spawn("jobs", "ls", "--url", f"http://127.0.0.1:{free_port()}")
    assert (done.code, done.out) == (8, "")
    assert done.err.startswith("error: no coordinator answers at http://127.0.0.1:")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(401, 7), (403, 7), (404, 5), (409, 6), (412, 6), (422, 2), (500, 1)]
)
def test_exit_codes_of_answers(tenure: Typed, status: int, code: int) -> None:
    words = {
        401: "unauthenticated",
        403: "forbidden",
        404: "job_not_found",
        409: "illegal_transition",
        412: "precondition_failed",
        422: "invalid_input",
        500: "internal_error",
    }
    body = (
        f'{{"type":"","title":"t","status":{status},"detail":"so it is","code":"{words[status]}"}}'
    )
    with scripted(Reply(status, body.encode())) as server:
        done = tenure("jobs", "get", "01900000", "--url", server.url)
    assert (done.code, done.out, done.err) == (code, "", "error: so it is\n")


def test_an_answer_of_something_else_is_one_line(tenure: Typed) -> None:
    with scripted(Reply(200, b"<html>")) as server:
        done = tenure("jobs", "ls", "--url", server.url)
    assert (done.code, len(done.err.splitlines())) == (1, 1)


def test_a_wrong_setting_is_one_line_that_names_it() -> None:
    done = spawn("jobs", "ls", TENURE_PROT="1")
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: TENURE_PROT: unknown setting, did you mean TENURE_PORT?\n"
    done = spawn("jobs", "ls", TENURE_PORT="x", TENURE_LEASE="30")
    assert done.err.splitlines()[0] == "error: 2 settings are wrong"
    assert len(done.err.splitlines()) == 3


def test_an_env_file_is_read_when_named(tmp_path: Path) -> None:
    with scripted(EMPTY) as server:
        file = tmp_path / "tenure.env"
        file.write_text(f"TENURE_COORDINATOR_URL={server.url}\nTENURE_TOKEN=abc\n")
        assert spawn("jobs", "ls", "--env-file", str(file)).code == 0
        assert server.asked[0].headers["Authorization"] == "Bearer abc"


def test_ctrl_c_is_exit_code_130_without_a_traceback() -> None:
    made = Reply(201, b'{"id": "01900000-0000-7000-8000-000000000000"}')
    released = threading.Event()
    with scripted(made, Reply(held=released)) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "tenure", "submit", "x", "--wait", "--url", server.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean(),
        )
        while len(server.asked) < 2 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        released.set()
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


def test_a_reader_that_leaves_is_no_error() -> None:
    items = ",".join(
        f'{{"id":"{n}","type":"t","queue":"q","status":"pending","priority":0,"attempt":0,'
        '"max_attempts":1,"tags":[],"created_at":"2026-01-31T00:00:00Z","on_lost":"retry",'
        '"retry_policy":{"strategy":"fixed","initial_delay_seconds":1,"multiplier":1,'
        '"max_delay_seconds":1,"jitter":0},"version":1}'
        for n in range(5000)
    )
    with scripted(Reply(body=f'{{"items":[{items}]}}'.encode())) as server:
        reader, writer = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", "tenure", "jobs", "ls", "--all", "--url", server.url],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            env=clean(),
        )
        os.close(writer)
        os.read(reader, 10)
        os.close(reader)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_a_fault_of_ours_is_one_line_too(tmp_path: Path) -> None:
    broken = tmp_path / "handlers.py"
    broken.write_text("raise RuntimeError('boom')\n")
    done = spawn("worker", str(broken), "--url", f"http://127.0.0.1:{free_port()}")
    assert done.code == 1
    assert "Traceback" not in done.err
    assert "boom" in done.err
