"""A worker as a process: signals, handlers from files, its death."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from tenure.client.asynchronous import AsyncClient
from tenure.worker.signals import LEAVE_SECONDS
from tests.worker.running import Running
from tests.worker.scenes import until

pytestmark = pytest.mark.anyio

HANDLERS = """
    import os, subprocess, time
    from tenure import Context, handler

    @handler("hello")
    def hello(payload: str) -> str:
        return f"hello {payload}"

    @handler("sleep")
    async def sleep(payload: float) -> str:
        import asyncio
        await asyncio.sleep(payload)
        return "slept"

    @handler("stuck")
    def stuck(payload: None) -> None:
        time.sleep(60)

    @handler("blocked")
    async def blocked(payload: None) -> None:
        time.sleep(60)

    @handler("stubborn")
    async def stubborn(payload: None) -> None:
        import asyncio
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                pass

    @handler("child", isolation="process")
    def child(payload: str) -> None:
        with open(payload, "w") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(60)

    @handler("quick", isolation="process")
    def quick(payload: int) -> int:
        return payload + 1
"""


@contextmanager
def _worker(coordinator: Running, file: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TENURE_")}
    process = subprocess.Popen(
        [
            sys.executable, "-m", "tenure", "worker", str(file),
            "--url", coordinator.url, "--no-plugins", *options,
        ],
        env=environment,
        stderr=subprocess.PIPE,
        cwd=file.parent,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "handlers_of_mine.py"
    file.write_text(dedent(HANDLERS))
    return file


async def _running(client: AsyncClient, job_id: str) -> None:
    async with asyncio.timeout(10):
        while (await client.get(job_id)).status != "running":
            await asyncio.sleep(0.02)


async def _exit(process: subprocess.Popen[bytes], timeout: float = 5) -> int:
    return await asyncio.to_thread(process.wait, timeout)


async def test_handlers_of_a_file_run_in_threads_and_children(
    coordinator: Running, file: Path
) -> None:
    async with coordinator.client() as client:
        with _worker(coordinator, file):
            hello = await client.submit("hello", "you")
            quick = await client.submit("quick", 1)
            assert (await client.wait(hello.id, 15)).result == "hello you"
            assert (await client.wait(quick.id, 15)).result == 2


async def test_sigterm_drains(coordinator: Running, file: Path) -> None:
    async with coordinator.client() as client:
        with _worker(coordinator, file, "--drain-grace", "0.6s") as process:
            ids = [(await client.submit("sleep", s)).id for s in (0.4, 60)]
            for id_ in ids:
                await _running(client, id_)
            process.send_signal(signal.SIGTERM)
            assert await _exit(process) == 0
            assert (await client.get(ids[0])).status == "completed"
            job = await client.get(ids[1])
            assert (job.status, job.attempt, job.lost) == ("pending", 0, 0)
            runs = await client.runs(ids[1])
            assert [run.outcome for run in runs] == ["released"]
            assert (await client.workers())[0].state == "gone"


async def test_a_second_signal_ends_it_at_once(coordinator: Running, file: Path) -> None:
    async with coordinator.client() as client:
        with _worker(coordinator, file) as process:
            job_id = (await client.submit("sleep", 60)).id
            await _running(client, job_id)
            process.send_signal(signal.SIGINT)
            await asyncio.sleep(0.1)
            assert process.poll() is None
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await _exit(process) == 128 + signal.SIGTERM
            assert time.monotonic() - began < 3
            assert (await client.get(job_id)).status == "pending"


@pytest.mark.parametrize("type_", ["stuck", "stubborn"])
async def test_a_handler_that_goes_on_does_not_keep_the_process_alive(
    coordinator: Running, file: Path, type_: str
) -> None:
    async with coordinator.client() as client:
        with _worker(coordinator, file, "--drain-grace", "0.1s") as process:
            job_id = (await client.submit(type_)).id
            await _running(client, job_id)
            process.send_signal(signal.SIGTERM)
            assert await _exit(process) == 0
            assert (await client.get(job_id)).status == "pending"


async def test_a_second_signal_ends_it_though_a_handler_blocks_the_loop(
    coordinator: Running, file: Path
) -> None:
    async with coordinator.client() as client:
        with _worker(coordinator, file) as process:
            job_id = (await client.submit("blocked")).id
            await _running(client, job_id)
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            assert await _exit(process, LEAVE_SECONDS + 2) == 128 + signal.SIGTERM


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


async def test_children_die_with_a_killed_worker(
    coordinator: Running, file: Path, tmp_path: Path
) -> None:
    said = tmp_path / "pid"
    async with coordinator.client() as client:
        with _worker(coordinator, file) as process:
            await client.submit("child", str(said))
            await until(lambda: said.exists() and said.read_text().endswith("\n"), 30)
            process.send_signal(signal.SIGKILL)
            await _exit(process)
            await until(lambda: _gone(int(said.read_text())), 20)


async def test_a_wrong_target_ends_with_one_line(coordinator: Running, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import no_such_module_anywhere")
    with _worker(coordinator, bad) as process:
        assert await _exit(process, 10) == 1
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert "target" in said
    assert "no_such_module_anywhere" in said
    assert "Traceback" not in said


async def test_a_changed_file_restarts_a_reloading_worker(coordinator: Running, file: Path) -> None:
    async with coordinator.client() as client:
        with _worker(coordinator, file, "--reload") as process:
            first = await client.wait((await client.submit("hello", "a")).id, 15)
            assert first.result == "hello a"
            file.write_text(file.read_text().replace("hello {payload}", "bye {payload}"))
            async with asyncio.timeout(15):
                while True:
                    job = await client.wait((await client.submit("hello", "b")).id, 15)
                    if job.result == "bye b":
                        break
                    await asyncio.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            assert await _exit(process, 10) == 0
