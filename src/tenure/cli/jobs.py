"""`tenure jobs`: looking at jobs. Changing them is in `control`."""

from __future__ import annotations

from typing import Annotated

import typer

from tenure.cli import arguments, control, operations
from tenure.cli.exits import code_of_job
from tenure.cli.following import follow_log, log_line, wait_for
from tenure.cli.lazy import make_app
from tenure.cli.output import cell
from tenure.cli.session import Session, client_command
from tenure.cli.show import EVENTS, JOBS, LOGS, RUNS, UPCOMING, job_fields
from tenure.telemetry.text import one_line

app = make_app(add_completion=False, help="List, show, follow, change and stop jobs.")
JobId = Annotated[
    str, typer.Argument(metavar="ID", help="A job's id, or 8 characters or more of its start.")
]


@client_command(app, "ls")
def list_jobs(
    session: Session,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILTER", help="Like 'status:failed type:send_* created:<2h'."),
    ] = None,
    status: Annotated[
        list[str] | None, typer.Option("--status", "-s", help="May be given several times.")
    ] = None,
    queue: Annotated[str | None, typer.Option("--queue", "-q", help="The queue's name.")] = None,
    type_: Annotated[str | None, typer.Option("--type", "-t", help="The handler's name.")] = None,
    tag: Annotated[str | None, typer.Option(help="Jobs with this tag.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    every: Annotated[bool, typer.Option("--all", "-a", help="However many there are.")] = False,
) -> None:
    """List jobs, newest first."""
    asked = " ".join(words) if words else None
    found = session.client.list(
        limit=None if every else limit, status=status, queue=queue, type=type_, tag=tag, q=asked
    )
    session.printer.rows(found, JOBS)


@client_command(app, "pending")
def pending(
    session: Session,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=500, help="At most so many.")
    ] = 50,
) -> None:
    """List what would start next, in that order."""
    session.printer.rows(session.client.pending(limit), UPCOMING)


@client_command(app, "get")
def get(session: Session, job_id: JobId) -> None:
    """Show one job."""
    job = session.client.get(job_id.lower())
    session.printer.record(job, job_fields(job))


@client_command(app, "watch")
def watch(
    session: Session,
    job_id: JobId,
    timeout: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Wait no longer; exit code 124.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show the log on stderr.")] = False,
) -> None:
    """Wait until a job has ended and show it.

    Exit codes: 0 completed, 3 failed, 4 cancelled, 124 still not ended.
    """
    longest = None if timeout is None else arguments.span(timeout)
    found = session.job_id(job_id)
    if follow:
        follow_log(session, found, longest)
    job = wait_for(session, found, longest)
    session.printer.record(job, job_fields(job))
    raise typer.Exit(code_of_job(job.status))


@client_command(app, "logs")
def logs(
    session: Session,
    job_id: JobId,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")
    ] = False,
    fence: Annotated[int | None, typer.Option(help="Only the run with this fence.")] = None,
) -> None:
    """Print what a job logged."""
    found = session.job_id(job_id)
    lines = session.patient.follow(found, fence) if follow else session.client.logs(found, fence)
    if session.printer.machine:
        show = session.printer.stream if follow else session.printer.rows
        show(lines, LOGS)
        return
    for line in lines:
        typer.echo(log_line(line))


@client_command(app, "runs")
def runs(session: Session, job_id: JobId) -> None:
    """List the attempts of a job."""
    session.printer.rows(session.client.runs(session.job_id(job_id)), RUNS)


@client_command(app, "events")
def events(session: Session, job_id: JobId) -> None:
    """List what people did to a job and what befell it."""
    session.printer.rows(session.client.events(session.job_id(job_id)), EVENTS)


@client_command(app, "why")
def why(session: Session, job_id: JobId) -> None:
    """Say why a job is where it is, and when it may start."""
    found = session.client.explain(session.job_id(job_id))
    if session.printer.machine:
        session.printer.record(found)
        return
    typer.echo(f"{found.job_id} is {found.status}")
    for reason in found.reasons:
        typer.echo(f"  {one_line(reason.detail)}")
    if found.estimated_start_at is not None:
        typer.echo(f"  likely to start at {cell(found.estimated_start_at)}")


control.register(app)
operations.register(app)
