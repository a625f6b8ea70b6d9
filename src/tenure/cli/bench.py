"""`tenure bench`: measure this machine with real processes."""

from __future__ import annotations

import dataclasses
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tenure.domain.errors import InvalidInput

if TYPE_CHECKING:
    from tenure.cli.benchmark.figures import Results
    from tenure.cli.benchmark.runner import Options


class Store(StrEnum):
    """The kind of store to measure."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


class Output(StrEnum):
    """How the results are printed."""

    TABLE = "table"
    JSON = "json"


def bench(
    store: Annotated[Store, typer.Option(help="The store to measure.")] = Store.SQLITE,
    database_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Measure on this database instead of a temporary one. Give it an empty one: "
            "the finished jobs stay in it.",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Measure a running coordinator (token from TENURE_TOKEN). Its clock must agree "
            "with this machine's.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller counts, under 45 seconds.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only this figure, or measurement: cycle, bulk, single, latency, claims, idle. "
            "Several times, or with commas.",
        ),
    ] = None,
    repeat: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            metavar="N",
            help="Rounds behind each median.",
            show_default="5, quick 3",
        ),
    ] = None,
    auth: Annotated[
        bool, typer.Option("--auth", help="With a coordinator that asks everybody for a token.")
    ] = False,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.TABLE,
) -> None:
    """Measure throughput, latency and idle cost with real coordinator and worker processes.

    Everything runs on a temporary store and a free port, and is removed afterwards.
    """
    if auth and (url is not None or database_url is not None):
        raise InvalidInput("--auth goes with a temporary store, without --url and --database-url")
    options = _options(store, database_url, url, quick, only or [], repeat)
    options = dataclasses.replace(options, authenticated=auth)
    results = _measured(options)
    _print(options, results, output)


def _options(
    store: Store,
    database_url: str | None,
    url: str | None,
    quick: bool,
    only: list[str],
    repeat: int | None,
) -> Options:
    from tenure.cli.benchmark.plan import FULL, QUICK
    from tenure.cli.benchmark.runner import Options, groups_of

    if url is not None and database_url is not None:
        raise InvalidInput("give --url or --database-url, not both")
    kind = str(store)
    if database_url is not None:
        kind = "sqlite" if database_url.startswith("sqlite:") else "postgres"
    counts = QUICK if quick else FULL
    if repeat is not None:
        counts = dataclasses.replace(counts, repeat=repeat)
    return Options(
        store=kind,
        counts=counts,
        groups=groups_of([name for names in only for name in names.split(",")]),
        database_url=database_url,
        url=url,
        token=os.environ.get("TENURE_TOKEN") if url is not None else None,
    )


def _measured(options: Options) -> Results:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from tenure.cli.benchmark.loop import run
    from tenure.cli.benchmark.runner import measure

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=Console(stderr=True), transient=True, refresh_per_second=4
    ) as progress:
        task = progress.add_task("Starting", total=len(options.groups) + 1)

        def tell(title: str) -> None:
            progress.update(task, description=title, advance=1)

        return run(measure(options, tell))


def _print(options: Options, results: Results, output: Output) -> None:
    from rich.console import Console

    from tenure.cli.benchmark.report import as_json, print_table

    if output is Output.JSON:
        import json

        typer.echo(json.dumps(as_json(options, results), indent=2))
    else:
        print_table(Console(soft_wrap=True), options, results)
