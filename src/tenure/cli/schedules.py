"""`tenure schedules`: recurring jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from tenure.cli import arguments
from tenure.cli.control import ReasonText
from tenure.cli.exits import Exit, code_of, talk, tell
from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.cli.show import BACKFILL, FIRES, JOBS, SCHEDULES, TIMES, schedule_fields
from tenure.cli.workflows import content
from tenure.domain.errors import TenureError
from tenure.wire.schedules import Schedule

app = make_app(add_completion=False, help="Recurring jobs: create, change, pause, run, look.")

ScheduleId = Annotated[
    str, typer.Argument(metavar="ID|NAME", help="Its name, its id, or 8 characters of its start.")
]
ScheduleIds = Annotated[
    list[str], typer.Argument(metavar="ID|NAME", help="Names, ids, or 8 characters of their start.")
]
Payload = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="JSON|@FILE|-|KEY=VALUE",
        help="Payload: JSON, a file, - for stdin, or key=value words.",
    ),
]
Cron = Annotated[str | None, typer.Option(metavar="FIELDS", help="Like '30 2 * * 1-5'.")]
Every = Annotated[str | None, typer.Option(metavar="SPAN", help="Instead of --cron, like 10m.")]
Zone = Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="Like Europe/Berlin.")]
Name = Annotated[str | None, typer.Option(help="A name for people.")]
Start = Annotated[str | None, typer.Option(metavar="TIME", help="No time before.")]
End = Annotated[str | None, typer.Option(metavar="TIME", help="No time after.")]
Jitter = Annotated[str | None, typer.Option(metavar="SPAN", help="Spread the fires over this.")]
Overlap = Annotated[str | None, typer.Option(help="skip, allow or cancel_running.")]
Misfire = Annotated[str | None, typer.Option(help="latest, skip or all.")]
MisfireAfter = Annotated[
    str | None, typer.Option(metavar="SPAN", help="How late is still on time: 60s.")
]
Window = Annotated[
    str | None, typer.Option(metavar="SPAN", help="Do not make up what was missed longer ago.")
]
MaxCatchup = Annotated[int | None, typer.Option(help="Times that `all` makes up at most.")]
Queue = Annotated[str | None, typer.Option("--queue", "-q", help="The jobs' queue.")]
Priority = Annotated[int | None, typer.Option(min=-100, max=100, help="The jobs' priority.")]
Tag = Annotated[list[str] | None, typer.Option(help="A tag of the jobs; several times.")]
Timeout = Annotated[str | None, typer.Option(metavar="SPAN", help="Longest run of one attempt.")]
Retries = Annotated[int | None, typer.Option(min=0, help="Retries after a failure.")]
Count = Annotated[int, typer.Option("--count", "-n", min=1, max=100, help="So many.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]


@client_command(app, "ls")
def list_schedules(
    session: Session,
    status: Annotated[
        str | None, typer.Option("--status", "-s", help="active, paused or ended.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Only those called so.")] = None,
    limit: Limit = 50,
) -> None:
    """List schedules, newest first."""
    found = session.client.schedules.list(status=status, name=name, limit=limit)
    session.printer.rows(found, SCHEDULES)


@client_command(app, "get")
def get(session: Session, schedule_id: ScheduleId) -> None:
    """Show one schedule."""
    _show(session, session.client.schedules.get(schedule_id))


def _show(session: Session, schedule: Schedule) -> None:
    session.printer.record(schedule, schedule_fields(schedule))


@client_command(app, "add", no_args_is_help=True)
def add(
    session: Session,
    type_: Annotated[str | None, typer.Argument(metavar="TYPE", help="The handler to run.")] = None,
    payload: Payload = None,
    workflow: Annotated[
        str | None,
        typer.Option(metavar="FILE|-", help="Instead of TYPE: a workflow as YAML or JSON."),
    ] = None,
    cron: Cron = None,
    every: Every = None,
    zone: Zone = None,
    name: Name = None,
    start: Start = None,
    end: End = None,
    jitter: Jitter = None,
    overlap: Overlap = None,
    misfire: Misfire = None,
    misfire_after: MisfireAfter = None,
    catchup_window: Window = None,
    max_catchup: MaxCatchup = None,
    queue: Queue = None,
    priority: Priority = None,
    tag: Tag = None,
    timeout: Timeout = None,
    max_retries: Retries = None,
    paused: Annotated[bool, typer.Option("--paused", help="Do not fire before resumed.")] = False,
) -> None:
    """Create a schedule and print its id."""
    fields = _fields(
        cron, every, zone, name, start, end, jitter, overlap, misfire, misfire_after,
        catchup_window, max_catchup,
    )  # fmt: skip
    job: Any = _job(queue, priority, tag, timeout, max_retries)
    if (type_ is None) == (workflow is None):
        raise typer.BadParameter("give a TYPE or --workflow")
    if workflow is None:
        job |= {"type": type_, "payload": arguments.payload(payload or [])}
    elif job:
        raise typer.BadParameter("what its jobs are like stands in the file of the workflow")
    flow = None if workflow is None else content(workflow)
    made = session.client.schedules.create(job or None, workflow=flow, paused=paused, **fields)
    session.printer.line(made.id, made)
    if made.next_fire_at is not None:
        talk(f"fires next at {made.next_fire_at.isoformat(timespec='seconds')}")


@client_command(app, "edit", no_args_is_help=True)
def edit(
    session: Session,
    schedule_id: ScheduleId,
    cron: Cron = None,
    every: Every = None,
    zone: Zone = None,
    name: Name = None,
    start: Start = None,
    end: End = None,
    jitter: Jitter = None,
    overlap: Overlap = None,
    misfire: Misfire = None,
    misfire_after: MisfireAfter = None,
    catchup_window: Window = None,
    max_catchup: MaxCatchup = None,
    type_: Annotated[
        str | None, typer.Option("--type", "-t", help="Replaces the job; with --payload.")
    ] = None,
    payload: Annotated[
        list[str] | None,
        typer.Option(metavar="JSON|@FILE|-|KEY=VALUE", help="Of the new job."),
    ] = None,
    queue: Queue = None,
    priority: Priority = None,
    tag: Tag = None,
    timeout: Timeout = None,
    max_retries: Retries = None,
    version: Annotated[
        int | None, typer.Option(help="Only if this is its version; else exit code 6.")
    ] = None,
) -> None:
    """Change a schedule. Only what is given changes; --type replaces the whole job."""
    fields = _fields(
        cron, every, zone, name, start, end, jitter, overlap, misfire, misfire_after,
        catchup_window, max_catchup,
    )  # fmt: skip
    job: Any = _job(queue, priority, tag, timeout, max_retries)
    if type_ is not None:
        job |= {"type": type_, "payload": arguments.payload(payload or [])}
    elif job or payload:
        raise typer.BadParameter("what changes the job needs --type too")
    if not (fields or job):
        raise typer.BadParameter("nothing to change")
    changed = session.client.schedules.update(schedule_id, version, job=job or None, **fields)
    session.printer.rows([changed], SCHEDULES)


def _fields(
    cron: str | None, every: str | None, zone: str | None, name: str | None, start: str | None,
    end: str | None, jitter: str | None, overlap: str | None, misfire: str | None,
    misfire_after: str | None, catchup_window: str | None, max_catchup: int | None,
) -> Any:  # fmt: skip
    told = {
        "cron": cron,
        "every": every and arguments.span(every),
        "timezone": zone,
        "name": name,
        "start_at": start and arguments.instant(start),
        "end_at": end and arguments.instant(end),
        "jitter": jitter and arguments.span(jitter),
        "overlap": overlap,
        "misfire": misfire,
        "misfire_after": misfire_after and arguments.span(misfire_after),
        "catchup_window": catchup_window and arguments.span(catchup_window),
        "max_catchup": max_catchup,
    }
    return {name: value for name, value in told.items() if value is not None}


def _job(
    queue: str | None,
    priority: int | None,
    tags: list[str] | None,
    timeout: str | None,
    max_retries: int | None,
) -> dict[str, Any]:
    told = {
        "queue": queue,
        "priority": priority,
        "tags": tags or None,
        "timeout": timeout and arguments.span(timeout),
        "max_retries": max_retries,
    }
    return {name: value for name, value in told.items() if value is not None}


@client_command(app, "pause")
def pause(session: Session, schedule_ids: ScheduleIds, reason: ReasonText = None) -> None:
    """Stop firing until resumed."""
    _each(session, schedule_ids, lambda id_: session.client.schedules.pause(id_, reason))


@client_command(app, "resume")
def resume(session: Session, schedule_ids: ScheduleIds, reason: ReasonText = None) -> None:
    """Fire again from now on."""
    _each(session, schedule_ids, lambda id_: session.client.schedules.resume(id_, reason))


@client_command(app, "rm")
def remove(session: Session, schedule_ids: ScheduleIds) -> None:
    """Delete schedules; their jobs stay."""

    def one(schedule_id: str) -> None:
        session.client.schedules.delete(schedule_id)
        talk(f"removed {schedule_id}")

    _each(session, schedule_ids, one)


def _each(session: Session, schedule_ids: list[str], act: Callable[[str], Schedule | None]) -> None:
    """Act on every schedule, the rest too when one fails; the first error gives the exit code."""
    done: list[Schedule] = []
    code = Exit.OK
    for text in schedule_ids:
        try:
            schedule = act(text)
        except TenureError as error:
            tell(error)
            code = code or code_of(error)
        else:
            done += [] if schedule is None else [schedule]
    if done:
        session.printer.rows(done, SCHEDULES)
    if code:
        raise typer.Exit(code)


@client_command(app, "run")
def run(session: Session, schedule_id: ScheduleId, reason: ReasonText = None) -> None:
    """Submit a schedule's job once now and print the job's id."""
    job = session.client.schedules.trigger(schedule_id, reason)
    session.printer.line(job.id, job)


@client_command(app, "backfill", no_args_is_help=True)
def backfill(
    session: Session,
    schedule_id: ScheduleId,
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="The first time.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="All before this time.")],
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show which times would fire.")
    ] = False,
    reason: ReasonText = None,
) -> None:
    """Fire the times of a range that have not fired."""
    found = session.client.schedules.backfill(
        schedule_id, arguments.instant(start), arguments.instant(end), preview=preview,
        reason=reason,
    )  # fmt: skip
    session.printer.rows(found.items, BACKFILL)
    verb = "would fire" if preview else "fired"
    talk(f"{found.count} {verb}, {found.existing} had fired before")


@client_command(app, "next", no_args_is_help=True)
def next_times(
    session: Session,
    what: Annotated[
        str, typer.Argument(metavar="ID|NAME|CRON", help="A schedule, or any cron expression.")
    ],
    zone: Zone = None,
    after: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of an expression: after this time.")
    ] = None,
    count: Count = 5,
) -> None:
    """Show the next times of a schedule or of any expression."""
    schedules = session.client.schedules
    if _is_expression(what):
        start = None if after is None else arguments.instant(after)
        found = schedules.preview(what, timezone=zone or "UTC", after=start, count=count)
    elif zone or after:
        raise typer.BadParameter("--tz and --after are for expressions")
    else:
        found = schedules.next(what, count)
    session.printer.rows(found, TIMES)


def _is_expression(what: str) -> bool:
    """Whether it is meant as a cron expression, right or wrong: `@daily`, or several words the
    first of which may be a minute."""
    return what[:1] == "@" or (" " in what.strip() and what.strip()[0] in "*0123456789")


@client_command(app, "fires")
def fires(session: Session, schedule_id: ScheduleId, limit: Limit = 50) -> None:
    """List what became of a schedule's times, newest first."""
    session.printer.rows(session.client.schedules.fires(schedule_id, limit=limit), FIRES)


@client_command(app, "jobs")
def jobs(session: Session, schedule_id: ScheduleId, limit: Limit = 50) -> None:
    """List a schedule's jobs, newest first."""
    session.printer.rows(session.client.schedules.jobs(schedule_id, limit=limit), JOBS)
