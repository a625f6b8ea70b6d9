"""`tenure workflows`: jobs that depend on each other, from a file; their graph in the terminal."""

from __future__ import annotations

import sys
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

import typer

from tenure.cli.drawing import graph, headline
from tenure.cli.exits import code_of_job
from tenure.cli.lazy import make_app
from tenure.cli.session import Session, client_command
from tenure.client import flows
from tenure.domain.errors import InvalidInput
from tenure.wire.workflows import Workflow, WorkflowDetail

LOOK_SECONDS = 1.0
"""How long one look is held: what is drawn is at most this old."""
MAX_DRAWN = 200
"""Jobs drawn; `-o json` has all of them."""

app = make_app(add_completion=False, help="Submit, show and stop workflows.")
WorkflowId = Annotated[
    str, typer.Argument(metavar="ID", help="A workflow's id, or 8 characters or more of its start.")
]
Why = Annotated[str | None, typer.Option(help="Kept with the events of the jobs.")]
Watch = Annotated[
    bool, typer.Option("--watch", "-w", help="Follow it until it has ended: exit code 0, 3 or 4.")
]
_COLUMNS: dict[str, Any] = {
    "id": attrgetter("id"),
    "name": attrgetter("name"),
    "status": attrgetter("status"),
    "jobs": lambda workflow: " ".join(f"{s}:{n}" for s, n in sorted(workflow.jobs.items())),
    "created": attrgetter("created_at"),
    "finished": attrgetter("finished_at"),
}


@client_command(app, "submit", no_args_is_help=True)
def submit(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="YAML or JSON, - for stdin.")],
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same key is the same workflow.")
    ] = None,
    watch: Watch = False,
) -> None:
    """Submit a workflow from a file."""
    made = session.client.run(flows.submit_file(content(file), key))
    if watch:
        _watch(session, made.id)
    session.printer.line(made.id, made)


def content(file: str) -> dict[str, Any]:
    """The workflow in a file; its jobs may be a list, or a mapping from key to job."""
    from tenure.cli.yaml import Malformed, blame, load

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
        found = load(text)
    except OSError as error:
        raise typer.BadParameter(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} is no UTF-8 text") from None
    except Malformed as error:
        raise InvalidInput(f"{file} is neither YAML nor JSON: {blame(error)}") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"{file} must hold an object with jobs")
    jobs = found.get("jobs")
    if isinstance(jobs, dict):
        found["jobs"] = [{"key": str(key), **(job or {})} for key, job in jobs.items()]
    return found


@client_command(app, "show")
def show(session: Session, workflow_id: WorkflowId, watch: Watch = False) -> None:
    """Draw the graph of a workflow with the state of every job."""
    if watch:
        _watch(session, workflow_id.lower())
    found = session.client.workflow(workflow_id.lower())
    if session.printer.machine:
        session.printer.record(found)
        return
    for line in _lines(found):
        typer.echo(line)


def _lines(found: WorkflowDetail) -> list[str]:
    lines = [headline(found), *graph(found.nodes)[:MAX_DRAWN]]
    if len(found.nodes) > MAX_DRAWN:
        lines.append(f"and {len(found.nodes) - MAX_DRAWN} more jobs (-o json shows all)")
    return lines


def _watch(session: Session, workflow_id: str) -> None:
    """Follow a workflow to its end, print it and leave with the code of its status."""
    if sys.stderr.isatty():
        found = _live(session, workflow_id)
    else:
        found = session.patient.wait_workflow(workflow_id)
    if session.printer.machine:
        session.printer.record(found)
    else:
        for line in _lines(found):
            typer.echo(line)
    raise typer.Exit(code_of_job(found.status))


def _live(session: Session, workflow_id: str) -> WorkflowDetail:
    """Redraw the graph on stderr until it has ended."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    found = session.patient.workflow(workflow_id)
    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        while not found.finished:
            live.update(Text("\n".join(_lines(found))), refresh=True)
            found = session.patient.run(flows.get(found.id, wait=LOOK_SECONDS))
    return found


@client_command(app, "ls")
def list_workflows(
    session: Session,
    status: Annotated[
        str | None, typer.Option("--status", "-s", help="running, completed, failed, cancelled.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
) -> None:
    """List workflows, newest first."""
    session.printer.rows(session.client.workflows(status=status, limit=limit), _COLUMNS)


@client_command(app, "cancel")
def cancel(session: Session, workflow_id: WorkflowId, reason: Why = None) -> None:
    """Cancel every unfinished job of a workflow."""
    _told(session, session.client.cancel_workflow(workflow_id.lower(), reason))


@client_command(app, "retry")
def retry(session: Session, workflow_id: WorkflowId, reason: Why = None) -> None:
    """Run again what failed, expired or was cancelled, and what was skipped because of it."""
    _told(session, session.client.retry_workflow(workflow_id.lower(), reason))


def _told(session: Session, found: Workflow) -> None:
    session.printer.rows([found], _COLUMNS)
