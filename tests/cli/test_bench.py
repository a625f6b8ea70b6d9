"""`tenure bench`: small real runs, and the command."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from tenure.cli.benchmark import (
    figures,
    plan,
    processes,
    report,
    runner,
)
from tenure.cli.benchmark.connection import Connection
from tenure.cli.benchmark.failure import BenchmarkError
from tenure.cli.main import run

pytestmark = pytest.mark.anyio


TINY = dataclasses.replace(
    plan.QUICK,
    cycle_jobs=600,
    bulk_jobs=600,
    warm_up_jobs=200,
    single_jobs=100,
    single_clients=4,
    latency_samples=5,
    latency_warm_up=2,
    claims=3,
    claim_size=10,
    claim_few_pending=100,
    claim_many_pending=500,
    idle_workers=8,
    idle_seconds=0.3,
    repeat=2,
)


class TestRuns:
    """Real coordinators, workers and submitters, with counts that prove nothing but the way."""

    async def test_every_figure_by_name_with_what_explains_it(self) -> None:
        options = runner.Options(store="sqlite", counts=TINY)
        titles: list[str] = []
        results = await runner.measure(options, titles.append)
        shown = json.loads(json.dumps(report.as_json(options, results)))
        assert [name for name in FIGURE_NAMES if shown[name] is None] == []
        assert len(titles) == len(plan.GROUPS)
        assert len(shown["samples"]["cycle_jobs_per_second"]) == 2
        assert shown["counts"]["cycle_jobs"] == 600
        assert shown["machine"]["cores"] >= 1
        assert {"tenure", "python", "sqlite"} <= set(shown["versions"])
        assert shown["settings"]["store"] == "sqlite"
        assert shown["extras"]["cycle_worker_cpu_seconds"] >= 0

    async def test_a_coordinator_that_asks_everybody_is_measured(self) -> None:
        options = runner.Options(
            store="sqlite", counts=TINY, groups=("cycle", "claims", "idle"), authenticated=True
        )
        results = await runner.measure(options, lambda _: None)
        assert results.figures["cycle_jobs_per_second"] > 0
        assert report.as_json(options, results)["settings"]["authenticated"] is True

    async def test_a_temporary_postgres_is_measured(self, postgres_server: object) -> None:
        options = runner.Options(store="postgres", counts=TINY, groups=("cycle",))
        results = await runner.measure(options, lambda _: None)
        assert results.figures["cycle_jobs_per_second"] > 0
        assert results.versions["postgres"]

    async def test_a_coordinator_that_was_given_is_left_with_nothing_to_do(
        self, tmp_path: Path
    ) -> None:
        url = f"sqlite:///{tmp_path}/tenure.db"
        async with processes.coordinator(url, tmp_path) as (target, _):
            options = runner.Options(
                store="sqlite", counts=TINY, groups=("single", "claims", "idle"), url=target.url
            )
            results = await runner.measure(options, lambda _: None)
            async with Connection(target) as connection:
                left = await connection.call("GET", "/api/jobs?status=pending&status=running")
        assert left["items"] == []
        assert set(results.figures) == {"single_submit_per_second", "claim_ratio_1m_to_1k"}
        assert any("not known" in note for note in results.notes)

    async def test_a_coordinator_that_cannot_start_is_told(self) -> None:
        options = runner.Options(
            store="sqlite", counts=TINY, database_url="sqlite:////nonexistent/directory/x.db"
        )
        with pytest.raises(BenchmarkError, match=r"coordinator ended with status 1:\n  .*cannot"):
            await runner.measure(options, lambda _: None)

    def test_sigterm_leaves_no_process_and_no_file(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "tenure", "bench", "--quick", "--only", "latency"]
        environment = os.environ | {"TMPDIR": str(tmp_path)}
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as bench:
            until = time.monotonic() + 30
            while not list(tmp_path.glob("tenure-bench-*/latency.db-wal")):
                assert time.monotonic() < until, "no coordinator came up"
                assert bench.poll() is None, "the benchmark ended"
                time.sleep(0.02)
            bench.send_signal(signal.SIGTERM)
            _, told = bench.communicate(timeout=30)
        assert bench.returncode == 130
        assert told.strip().endswith(b"interrupted")
        assert list(tmp_path.iterdir()) == []
        assert _mentioning(str(tmp_path)) == []


FIGURE_NAMES = [figure.name for figure in figures.FIGURES]


def _mentioning(text: str) -> list[str]:
    """The processes whose environment or working directory names `text`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            names = (process / "environ").read_bytes() + bytes((process / "cwd").readlink())
        except OSError:
            continue
        if text.encode() in names:
            found.append(process.name)
    return found


class TestCommand:
    def test_a_wrong_name_is_a_usage_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["bench", "--only", "cycle,nothing"]) == 2
        assert "nothing is neither a figure" in capsys.readouterr().err

    def test_one_place_to_measure(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["bench", "--url", "http://x", "--database-url", "sqlite:///x"]) == 2
        assert "not both" in capsys.readouterr().err

    def test_the_password_is_not_shown(self) -> None:
        options = runner.Options(
            store="postgres", counts=TINY, database_url="postgresql://me:secret@host:5/name"
        )
        shown = json.dumps(report.as_json(options, figures.Results()))
        assert "secret" not in shown
        assert "postgresql://me:***@host:5/name" in shown

    def test_the_table_marks_what_misses_its_target(self) -> None:
        results = figures.Results(
            figures={"cycle_jobs_per_second": 39_999.0, "start_latency_p50_ms": 1.5},
            notes=["a word"],
        )
        console = Console(record=True, width=200, file=io.StringIO(), force_terminal=True)
        report.print_table(console, runner.Options(store="sqlite", counts=TINY), results)
        lines = console.export_text(styles=True).splitlines()
        missed = next(line for line in lines if "cycle_jobs_per_second" in line)
        met = next(line for line in lines if "start_latency_p50_ms" in line)
        assert "39,999" in missed
        assert ">= 40,000" in missed
        assert "\x1b[33m" in missed
        assert "\x1b[33m" not in met
        assert any("note: a word" in line for line in lines)
