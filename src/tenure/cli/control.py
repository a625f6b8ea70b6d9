"""`tenure jobs`: editing, cancelling, retrying, pausing, resuming and removing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from tenure.cli import arguments
from tenure.cli.exits import Exit, code_of, talk, tell
from tenure.cli.session import Session, client_command
from tenure.cli.show import JOBS
from tenure.domain.errors import TenureError
from tenure.wire.jobs import Job

JobIds = Annotated[
    list[str],
    typer.Argument(metavar="ID", help="Jobs' ids, or 8 characters or more of their start."),
]
ReasonText = Annotated[str | None, typer.Option("--reason", help="Kept in the job's events.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `tenure jobs`."""
    client_command(app, "edit", no_args_is_help=True)(edit)
    client_command(app, "cancel")(cancel)
    client_command(app, "retry")(retry)
    client_command(app, "pause")(pause)
    client_command(app, "resume")(resume)
    client_command(app, "rm")(remove)


def edit(
    session: Session,
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    payload: Annotated[
        list[str] | None,
        typer.Option(metavar="JSON|@FILE|-|KEY=VALUE", help="Pairs may be given several times."),
    ] = None,
    queue: Annotated[str | None, typer.Option("--queue", "-q", help="The queue's name.")] = None,
    priority: Annotated[int | None, typer.Option(min=-100, max=100, help="Higher first.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Not before this time.")] = None,
    after: Annotated[str | None, typer.Option(metavar="SPAN", help="Not before this span.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Replaces all tags.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Longest run of one attempt.")
    ] = None,
    max_retries: Annotated[int | None, typer.Option(min=0, help="Retries after a failure.")] = None,
    concurrency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Whose limit the job counts against.")
    ] = None,
    version: Annotated[
        int | None, typer.Option(help="Only if this is the job's version; else exit code 6.")
    ] = None,
) -> None:
    """Change a job that is not running. Only what is given changes."""
    told: dict[str, Any] = {
        "payload": arguments.payload(payload) if payload else None,
        "queue": queue,
        "priority": priority,
        "run_at": at and arguments.instant(at),
        "delay": after and arguments.span(after),
        "tags": tag or None,
        "name": name,
        "timeout": timeout and arguments.span(timeout),
        "max_retries": max_retries,
        "concurrency_key": concurrency_key,
    }
    fields = {name: value for name, value in told.items() if value is not None}
    if not fields:
        raise typer.BadParameter("nothing to change")
    job = session.client.update(session.job_id(job_id), version, **fields)
    session.printer.rows([job], JOBS)


def cancel(session: Session, job_ids: JobIds, reason: ReasonText = None) -> None:
    """Stop jobs: at once, or by asking the worker that runs them."""
    _each(session, job_ids, lambda job_id: session.client.cancel(job_id, reason))


def retry(session: Session, job_ids: JobIds, reason: ReasonText = None) -> None:
    """Run ended jobs again."""
    _each(session, job_ids, lambda job_id: session.client.retry(job_id, reason))


def pause(session: Session, job_ids: JobIds, reason: ReasonText = None) -> None:
    """Hold jobs that wait."""
    _each(session, job_ids, lambda job_id: session.client.pause(job_id, reason))


def resume(session: Session, job_ids: JobIds, reason: ReasonText = None) -> None:
    """Let paused jobs go on."""
    _each(session, job_ids, lambda job_id: session.client.resume(job_id, reason))


def remove(session: Session, job_ids: JobIds) -> None:
    """Remove jobs from every list; those that wait are cancelled first."""

    def one(job_id: str) -> None:
        session.client.delete(job_id)
        talk(f"removed {job_id}")

    _each(session, job_ids, one)


def _each(session: Session, job_ids: list[str], act: Callable[[str], Job | None]) -> None:
    """Act on every job, the rest too when one fails; the first error gives the exit code."""
    done: list[Job] = []
    code = Exit.OK
    for text in job_ids:
        try:
            job = act(session.job_id(text))
        except TenureError as error:
            tell(error)
            code = code or code_of(error)
        else:
            done += [] if job is None else [job]
    if done:
        session.printer.rows(done, JOBS)
    if code:
        raise typer.Exit(code)
