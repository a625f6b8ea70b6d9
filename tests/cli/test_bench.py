"""`tenure bench`: the arithmetic, the lean client, the processes, and one small real run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tenure.cli.benchmark import figures, machine, plan, postgres, processes, runner, submitter
from tenure.cli.benchmark.connection import Connection, Target
from tenure.cli.benchmark.failure import BenchmarkError
from tenure.domain.errors import InvalidInput

pytestmark = pytest.mark.anyio


class TestArithmetic:
    def test_median(self) -> None:
        assert figures.median([3, 1, 2]) == 2
        assert figures.median([4, 1, 2, 3]) == 2.5
        with pytest.raises(ValueError, match="value"):
            figures.median([])

    @pytest.mark.parametrize(("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (100, 100)])
    def test_percentile(self, percent: float, value: float) -> None:
        assert figures.percentile(list(range(100, 0, -1)), percent) == value

    def test_percentile_of_one_and_of_none(self) -> None:
        assert figures.percentile([7.0], 99) == 7.0
        with pytest.raises(ValueError, match="value"):
            figures.percentile([], 50)

    @pytest.mark.parametrize(
        ("value", "shown"), [(0, 0), (41_234.56, 41_235), (1.23456, 1.235), (0.0123456, 0.01235)]
    )
    def test_rounded(self, value: float, shown: float) -> None:
        assert figures.rounded(value) == shown

    def test_every_figure_belongs_to_a_measurement_and_each_gives_one(self) -> None:
        assert {figure.group for figure in figures.FIGURES} == set(plan.GROUPS)
        assert set(runner.MEASUREMENTS) == set(plan.GROUPS)

    def test_targets_are_floors_or_ceilings(self) -> None:
        by_name = {figure.name: figure for figure in figures.FIGURES}
        cycle = by_name["cycle_jobs_per_second"]
        assert cycle.reached(40_000, "sqlite") is True
        assert cycle.reached(39_999, "sqlite") is False
        assert cycle.reached(24_000, "postgres") is True
        latency = by_name["start_latency_p50_ms"]
        assert latency.reached(2, "sqlite") is True
        assert latency.reached(2.1, "sqlite") is False
        assert by_name["drain_jobs_per_second"].reached(1, "postgres") is None


class TestPlan:
    def test_groups_by_figure_and_by_name_in_running_order(self) -> None:
        assert runner.groups_of(["idle", "drain_jobs_per_second"]) == ("bulk", "idle")
        assert runner.groups_of([]) == plan.GROUPS

    def test_unknown_name_is_told(self) -> None:
        with pytest.raises(InvalidInput, match="cycles is neither"):
            runner.groups_of(["cycles"])


class TestOrders:
    def order(self, jobs: int, jobs_per_request: int) -> submitter.Order:
        return submitter.Order(
            url="http://x",
            queue="q",
            type="t",
            jobs=jobs,
            jobs_per_request=jobs_per_request,
            connections=1,
            payload_bytes=100,
        )

    @pytest.mark.parametrize("number", [0, 9, 99_999, 10**12])
    def test_payload_has_its_size_and_number(self, number: int) -> None:
        raw = bytes(submitter.payload(number, 100))
        assert len(raw) == 100
        assert json.loads(raw)["number"] == number

    def test_batches_hold_every_job_once_first_and_last_marked(self) -> None:
        batches = [json.loads(body) for body in submitter.bodies(self.order(7, 3))]
        assert [len(batch) for batch in batches] == [3, 3, 1]
        jobs = [job for batch in batches for job in batch]
        assert [job["payload"]["number"] for job in jobs] == list(range(7))
        priorities = [job.get("priority", 0) for job in jobs]
        assert priorities == [submitter.FIRST, 0, 0, 0, 0, 0, submitter.LAST]

    def test_one_by_one_is_an_object_each(self) -> None:
        singles = [json.loads(body) for body in submitter.bodies(self.order(3, 0))]
        assert [job["payload"]["number"] for job in singles] == [0, 1, 2]
        assert all(job["type"] == "t" and job["queue"] == "q" for job in singles)


Respond = Callable[[bytes, asyncio.StreamWriter], None]


@asynccontextmanager
async def listening(respond: Respond) -> AsyncIterator[Target]:
    """A TCP server that reads one HTTP request after the other and lets `respond` write."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = re.search(rb"content-length: (\d+)", head)
                body = await reader.readexactly(int(found[1]) if found else 0)
                respond(head + body, writer)
                if writer.is_closing():
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Target("127.0.0.1", server.sockets[0].getsockname()[1])


class TestConnection:
    async def test_requests_follow_each_other_on_one_connection(self) -> None:
        seen: list[bytes] = []

        def respond(request: bytes, writer: asyncio.StreamWriter) -> None:
            seen.append(request)
            body = b'{"n": %d}' % len(seen)
            head = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\nx: y\r\n\r\n" % len(body)
            writer.write(head + body)

        async with listening(respond) as target, Connection(target) as connection:
            first = await connection.send("POST", "/api/jobs", b"[1]")
            assert (first.status, first.body) == (201, b'{"n": 1}')
            connection.authorize("secret")
            assert await connection.call("GET", "/x") == {"n": 2}
        assert seen[0].startswith(b"POST /api/jobs HTTP/1.1\r\nhost: 127.0.0.1:")
        assert seen[0].endswith(b"content-length: 3\r\n\r\n[1]")
        assert b"authorization" not in seen[0]
        assert b"authorization: Bearer secret\r\n" in seen[1]

    async def test_an_answer_in_pieces(self) -> None:
        whole = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world"

        def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
            async def drip() -> None:
                for byte in whole:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0)

            dripping.append(asyncio.ensure_future(drip()))

        dripping: list[asyncio.Future[None]] = []
        async with listening(respond) as target, Connection(target) as connection:
            for _ in range(2):
                assert (await connection.send("GET", "/")).body == b"hello world"
            await asyncio.gather(*dripping)

    async def test_a_problem_becomes_an_error_with_its_detail(self) -> None:
        body = msgspec.json.encode({"detail": "queue: too long", "code": "invalid_input"})

        def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 422 X\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

        async with listening(respond) as target, Connection(target) as connection:
            with pytest.raises(BenchmarkError, match="POST /a answered 422: queue: too long"):
                await connection.call("POST", "/a", {})

    async def test_an_empty_answer(self) -> None:
        def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

        async with listening(respond) as target, Connection(target) as connection:
            assert await connection.call("DELETE", "/a") is None

    async def test_an_answer_without_length_is_an_error(self) -> None:
        def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")

        async with listening(respond) as target, Connection(target) as connection:
            with pytest.raises(BenchmarkError, match="Content-Length"):
                await connection.call("GET", "/a")

    async def test_a_cut_connection_is_an_error_now_and_later(self) -> None:
        def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")
            writer.close()

        async with listening(respond) as target, Connection(target) as connection:
            with pytest.raises(BenchmarkError, match="lost"):
                await connection.call("GET", "/a")
            with pytest.raises(BenchmarkError, match="closed"):
                await connection.call("GET", "/a")

    async def test_nobody_listens(self) -> None:
        with pytest.raises(BenchmarkError, match=r"no coordinator at http://127\.0\.0\.1:"):
            async with Connection(Target("127.0.0.1", processes.free_port())):
                raise AssertionError("connected")

    def test_addresses(self) -> None:
        assert Target.parse("http://[::1]:80/base/").url == "http://[::1]:80/base"
        assert Target.parse("https://host").port == 443
        for bad in ("host:5000", "ftp://host", "http://"):
            with pytest.raises(BenchmarkError, match="address"):
                Target.parse(bad)


class TestMachine:
    def test_a_process_uses_time_and_memory(self) -> None:
        meter = machine.Meter(os.getpid())
        ends = time.process_time() + 0.05
        while time.process_time() < ends:
            pass
        used = meter.used()
        assert used is not None
        assert 0.02 <= used < 5
        resident, peak = machine.rss_mb(os.getpid()), machine.peak_rss_mb(os.getpid())
        assert resident is not None
        assert peak is not None
        assert 5 < resident <= peak

    def test_no_process(self) -> None:
        assert machine.Meter(None).used() is None
        assert machine.rss_mb(2**31 - 1) is None

    def test_description(self) -> None:
        cores = machine.describe()["cores"]
        assert isinstance(cores, int)
        assert cores >= 1
        assert machine.filesystem(Path("/proc/self")) == "proc"


class TestProcesses:
    async def test_what_a_failed_child_said_is_told(self) -> None:
        command = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
        with pytest.raises(BenchmarkError, match=r"child ended with status 1:\n  no such thing"):
            async with processes.running("child", command) as child:
                await child.succeeded()

    async def test_a_child_that_ends_instead_of_answering(self) -> None:
        with pytest.raises(BenchmarkError, match="child ended with status 3"):
            async with processes.running(
                "child", [sys.executable, "-c", "raise SystemExit(3)"], piped=True
            ) as child:
                await child.hear(30)

    async def test_a_missing_program(self) -> None:
        with pytest.raises(BenchmarkError, match="cannot be started"):
            async with processes.running("child", ["/nonexistent/program"]):
                raise AssertionError("started")

    async def test_children_are_gone_whatever_happens(self) -> None:
        script = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
        with pytest.raises(ZeroDivisionError):
            async with processes.running("child", [sys.executable, "-c", script]) as child:
                raise ZeroDivisionError
        with pytest.raises(ProcessLookupError):
            os.kill(child.pid, 0)

    async def test_settings_of_the_caller_do_not_reach_children(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TENURE_AUTH", "required")
        given = processes.clean_environment(port="1")
        assert given["TENURE_PORT"] == "1"
        assert "TENURE_AUTH" not in given
        assert given["PATH"] == os.environ["PATH"]

    async def test_a_temporary_postgres_comes_with_fsync_and_leaves_nothing(
        self, postgres_server: object
    ) -> None:
        def show(setting: str) -> str:
            command = [
                str(server.programs / "psql"),
                "-XAtc",
                f"SHOW {setting}",
                server.url("postgres"),
            ]
            return subprocess.check_output(command, text=True).strip()

        async with postgres.temporary() as server:
            data = show("data_directory")
            assert show("fsync") == "on"
            assert Path(data).exists()
            assert show("server_version").startswith(server.version)
        assert not Path(data).parent.exists()
        assert server.password not in repr(server)


class TestLoop:
    @pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_a_signal_runs_the_cleanup(self, sign: signal.Signals) -> None:
        script = (
            "import asyncio, os\n"
            "from tenure.cli.benchmark.loop import run\n"
            "async def main():\n"
            "    try:\n"
            f"        os.kill(os.getpid(), {int(sign)})\n"
            "        await asyncio.sleep(60)\n"
            "    finally:\n"
            "        print('cleaned', flush=True)\n"
            "try:\n"
            "    run(main())\n"
            "except KeyboardInterrupt:\n"
            "    print('interrupted')\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, timeout=30, check=True
        )
        assert done.stdout.split() == [b"cleaned", b"interrupted"]
