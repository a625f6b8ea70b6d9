"""One run of the benchmark: set the stage, measure one thing after the other, remove all."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tenure.cli.benchmark import machine, postgres, processes, watch
from tenure.cli.benchmark.claims import FEW, MANY, claims
from tenure.cli.benchmark.connection import Connection, Target
from tenure.cli.benchmark.figures import FIGURES, Results, rounded
from tenure.cli.benchmark.idle import idle
from tenure.cli.benchmark.latency import latency
from tenure.cli.benchmark.plan import GROUPS, Counts
from tenure.cli.benchmark.postgres import PostgresServer
from tenure.cli.benchmark.stage import Stage
from tenure.cli.benchmark.throughput import SINGLE, bulk, cycle, single
from tenure.domain.errors import InvalidInput

Measurement = Callable[[Stage, Counts, Results], Awaitable[None]]
MEASUREMENTS: dict[str, tuple[str, Measurement]] = {
    "cycle": ("Submit, run and report at once", cycle),
    "bulk": ("Bulk submit, then drain", bulk),
    "single": ("One job per request", single),
    "latency": ("Submit to start", latency),
    "claims": ("Claims with few and many jobs pending", claims),
    "idle": ("Idle workers", idle),
}

_SQLITE = "import sqlite3; print(sqlite3.sqlite_version)"
_ANALYZE = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('ANALYZE')"
_LISTEN_SECONDS = 0.5
_QUIET_PERCENT = 10


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. `groups` are names of MEASUREMENTS; `url` is a running coordinator.
    `authenticated` is for temporary stores."""

    store: str
    counts: Counts
    groups: tuple[str, ...] = GROUPS
    database_url: str | None = None
    url: str | None = None
    token: str | None = None
    authenticated: bool = False


def groups_of(names: Sequence[str]) -> tuple[str, ...]:
    """The measurements that give the figures (or measurements) named; all for none.

    Raises InvalidInput for a name nobody knows.
    """
    by_figure = {figure.name: figure.group for figure in FIGURES}
    wanted = set()
    for name in names:
        if name not in GROUPS and name not in by_figure:
            raise InvalidInput(
                f"{name} is neither a figure nor one of the measurements {', '.join(GROUPS)}"
            )
        wanted.add(by_figure.get(name, name))
    return tuple(group for group in GROUPS if not wanted or group in wanted)


async def measure(options: Options, tell: Callable[[str], None]) -> Results:
    """Run the measurements of `options` in their order; `tell` hears the title of each before it
    starts. Every process and file is gone when this returns or raises. Raises BenchmarkError.
    """
    results = Results()
    machine.raise_file_limit()
    _note_neighbours(results)
    async with _stage(options, results) as stage:
        for group in options.groups:
            title, measurement = MEASUREMENTS[group]
            tell(title)
            await measurement(stage, options.counts, results)
        if not stage.fresh:
            tell("Running the jobs that are left")
            await _leave_nothing(stage)
    return results


def _note_neighbours(results: Results) -> None:
    busy = machine.busy_percent(_LISTEN_SECONDS)
    if busy is None:
        return
    results.extras["machine_busy_before_percent"] = rounded(busy)
    if busy > _QUIET_PERCENT:
        results.notes.append(
            f"the machine was {busy:.0f} % busy with other work before the start: "
            "throughput and latency are worse than on a quiet one"
        )


@contextlib.asynccontextmanager
async def _stage(options: Options, results: Results) -> AsyncIterator[Stage]:
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="tenure-bench-", ignore_cleanup_errors=True)
            )
        )
        if options.url is not None:
            target = Target.parse(options.url, options.token)
            yield Stage(options.store, directory, given=target)
        elif options.database_url is not None:
            given = options.database_url
            yield Stage(options.store, directory, database_url=lambda _: given)
        elif options.store == "postgres":
            server = await stack.enter_async_context(postgres.temporary())
            results.versions["postgres"] = server.version
            yield replace(_on_postgres(directory, server), authenticated=options.authenticated)
        else:
            results.extras["store_filesystem"] = machine.filesystem(directory)
            results.versions["sqlite"] = await processes.output(sys.executable, "-c", _SQLITE)
            yield replace(_on_sqlite(directory), authenticated=options.authenticated)


def _on_sqlite(directory: Path) -> Stage:
    def path(name: str) -> str:
        return f"{directory}/{name}.db"

    return Stage(
        "sqlite",
        directory,
        database_url=lambda name: f"sqlite:///{path(name)}",
        analysis=lambda name: (sys.executable, "-c", _ANALYZE, path(name)),
        fresh=True,
    )


def _on_postgres(directory: Path, server: PostgresServer) -> Stage:
    def url(name: str) -> str:
        return server.url(f"tenure_{name.replace('.', '_')}")

    return Stage(
        "postgres",
        directory,
        database_url=url,
        analysis=lambda name: (str(server.programs / "psql"), "-qXc", "ANALYZE", url(name)),
        fresh=True,
    )


async def _leave_nothing(stage: Stage) -> None:
    """Run what the measurements left pending in a store that is not thrown away."""
    async with stage.coordinator("rest") as coordinator, Connection(coordinator.target) as rest:
        for queue in (SINGLE, FEW, MANY):
            if await watch.unfinished(rest, queue):
                async with processes.worker(coordinator.target, queue, 500, stage.directory):
                    await watch.emptied(rest, queue, every=0.2)
