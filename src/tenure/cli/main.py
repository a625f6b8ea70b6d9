"""The command `tenure`: its groups by name; each is imported when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from tenure import __version__
from tenure.cli.exits import Exit, abandon_stdout
from tenure.cli.lazy import LazyGroup, make_app


class _Root(LazyGroup):
    targets = {
        "coordinator": ("tenure.cli.coordinator:coordinator", "Start a coordinator."),
        "worker": ("tenure.cli.worker:worker", "Start a worker that runs handlers."),
        "dev": ("tenure.cli.dev:dev", "Start coordinator and worker in one process."),
        "submit": ("tenure.cli.submit:app", "Submit a job."),
        "jobs": ("tenure.cli.jobs:app", "List, show, follow, change and stop jobs."),
        "dlq": ("tenure.cli.deadletters:app", "Jobs that failed for good, by cause."),
        "workflows": ("tenure.cli.workflows:app", "Submit, show and stop workflows."),
        "operations": ("tenure.cli.operations:app", "Bulk operations: how far, and stopping them."),
        "schedules": ("tenure.cli.schedules:app", "Recurring jobs."),
        "queues": ("tenure.cli.queues:app", "Queues: their jobs, pausing, limits."),
        "limits": ("tenure.cli.limits:app", "Limits of concurrency keys."),
        "workers": ("tenure.cli.fleet:workers", "Workers, and draining them."),
        "handlers": ("tenure.cli.fleet:handlers", "The types that workers offer."),
        "stats": ("tenure.cli.fleet:stats", "Counts, totals and delays, now or over time."),
        "events": ("tenure.cli.events:app", "Numbers and changes as they happen."),
        "top": ("tenure.cli.top:app", "Queues, workers and throughput, live."),
        "audit": ("tenure.cli.audit:app", "Who did what."),
        "verify": ("tenure.cli.verify:verify", "Check the store and the chain of the audit."),
        "login": ("tenure.cli.login:login", "Log in, and stay so."),
        "logout": ("tenure.cli.login:logout", "Log out."),
        "whoami": ("tenure.cli.login:whoami", "Show who you are to the coordinator."),
        "users": ("tenure.cli.users:app", "Accounts."),
        "tokens": ("tenure.cli.tokens:app", "Tokens for programs and workers."),
        "notify": ("tenure.cli.notify:app", "Notifications: rules, channels, deliveries."),
        "migrate": ("tenure.cli.admin:migrate", "Bring the database up to date."),
        "bench": ("tenure.cli.bench:bench", "Measure this machine."),
        "config": ("tenure.cli.admin:config", "Show the settings and where they come from."),
        "openapi": ("tenure.cli.admin:openapi", "Print the OpenAPI document."),
        "version": ("tenure.cli.admin:version", "Print the version."),
    }


def build() -> typer.Typer:
    """The root app; it holds no command itself."""
    app = make_app(cls=_Root, name="tenure", no_args_is_help=False)

    app.callback(invoke_without_command=True)(_root)
    return app


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """A distributed job scheduler."""
    if version:
        typer.echo(f"tenure {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (None: that of the process) and return its exit code."""
    command = typer.main.get_command(build())
    try:
        command.main(arguments, prog_name="tenure")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    else:
        code = Exit.OK
    try:
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        abandon_stdout()
    return code
