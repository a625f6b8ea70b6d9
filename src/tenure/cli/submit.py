"""`tenure submit`: one job from the command line."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tenure.cli import arguments
from tenure.cli.exits import code_of_job, talk
from tenure.cli.following import follow_log, wait_for
from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import job_fields

app = make_app(add_completion=False)


@client_command(app, "submit", no_args_is_help=True)
def submit(
    session: Session,
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="The handler to run.")],
    payload: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="JSON|@FILE|-|KEY=VALUE",
            help="Payload: JSON, a file, - for stdin, or key=value words.",
        ),
    ] = None,
    queue: Annotated[str | None, typer.Option("--queue", "-q", help="The queue's name.")] = None,
    priority: Annotated[
        str | None, typer.Option(help="-100 to 100, higher first; or High, Regular.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Not before this time.")] = None,
    after: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Not before this span has passed, like 10m.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same key is the same job.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Longest run of one attempt.")
    ] = None,
    max_retries: Annotated[int | None, typer.Option(min=0, help="Retries after a failure.")] = None,
    backoff: Annotated[
        str | None, typer.Option(metavar="STRATEGY", help="exponential, linear or fixed.")
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Do not start after this time.")
    ] = None,
    on_lost: Annotated[
        str | None, typer.Option(metavar="WORD", help="retry, or fail: run at most once.")
    ] = None,
    depends_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID[:WORD]",
            help="Wait for this job's success, or :failure, or :done. Several times.",
        ),
    ] = None,
    join: Annotated[
        str | None, typer.Option(metavar="WORD", help="all of them (default), or any.")
    ] = None,
    concurrency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Jobs of a key run one by one, or as limited.")
    ] = None,
    unique: Annotated[
        str | None, typer.Option(metavar="KEY", help="At most one unfinished job has this key.")
    ] = None,
    unique_scope: Annotated[
        str | None, typer.Option(metavar="WORD", help="active, forever, or a span like 1h.")
    ] = None,
    on_conflict: Annotated[
        str | None, typer.Option(metavar="WORD", help="return_existing, reject or replace.")
    ] = None,
    traceparent: Annotated[
        str | None,
        typer.Option(metavar="W3C", help="The trace it is part of; else TRACEPARENT, if set."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the end.")] = False,
    wait_timeout: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Wait no longer; exit code 124.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait, and show the log on stderr.")
    ] = False,
) -> None:
    """Submit a job and print its id; with --wait print the finished job.

    Exit codes with --wait: 0 completed, 3 failed, 4 cancelled, 124 still not ended.
    """
    fields: dict[str, Any] = {
        "queue": queue,
        "priority": _priority(priority),
        "run_at": at and arguments.instant(at),
        "delay": after and arguments.span(after),
        "idempotency_key": key,
        "tags": tag or None,
        "name": name,
        "timeout": timeout and arguments.span(timeout),
        "max_retries": max_retries,
        "retry_policy": backoff,
        "expires_at": expires_at and arguments.instant(expires_at),
        "on_lost": on_lost,
        "depends_on": [_edge(text) for text in depends_on or []] or None,
        "join": join,
        "concurrency_key": concurrency_key,
        "unique": _unique(unique, unique_scope, on_conflict),
        "traceparent": traceparent,
    }
    longest = None if wait_timeout is None else arguments.span(wait_timeout)
    submitted = session.client.submit(type_, arguments.payload(payload or []), **fields)
    if not (wait or follow or wait_timeout):
        session.printer.line(submitted.id, {"id": submitted.id, "existing": submitted.existing})
        return
    talk(f"submitted {submitted.id}")
    if follow:
        follow_log(session, submitted.id, longest)
    job = wait_for(session, submitted.id, longest)
    session.printer.record(job, job_fields(job))
    raise typer.Exit(code_of_job(job.status))


def _edge(text: str) -> dict[str, str]:
    job_id, _, condition = text.partition(":")
    return {"job_id": job_id.lower()} | ({"on": condition} if condition else {})


def _unique(key: str | None, scope: str | None, on_conflict: str | None) -> dict[str, Any] | None:
    if key is None:
        if scope or on_conflict:
            raise typer.BadParameter("--unique-scope and --on-conflict go with --unique")
        return None
    told: dict[str, Any] = {"key": key}
    if scope in ("active", "forever"):
        told["scope"] = scope
    elif scope is not None:
        told |= {"scope": "window", "window_seconds": arguments.span(scope).total_seconds()}
    return told | ({"on_conflict": on_conflict} if on_conflict else {})


def _priority(text: str | None) -> int | str | None:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        return text
