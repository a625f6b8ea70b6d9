"""Staying with a job until it has ended: its progress on stderr, its log as it comes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from tenure.cli.exits import talk
from tenure.cli.session import Session
from tenure.cli.show import progress_text
from tenure.client import routes
from tenure.domain.errors import WaitTimeout
from tenure.telemetry.text import one_line
from tenure.wire.jobs import Job, LogLine

LOOK_SECONDS = 1.0
"""How long one look is held: progress is at most this old."""


def log_line(line: LogLine) -> str:
    """A line of a job's log as shown to a person."""
    at = line.at.strftime("%H:%M:%S.%f")[:-3]
    return f"{at} {line.level:<7} {one_line(line.text)}"


def wait_for(session: Session, job_id: str, timeout: timedelta | None) -> Job:
    """The job once it has ended. Meanwhile its progress is a bar at a terminal, else a line for
    every change. Raises WaitTimeout, JobNotFound."""
    ends = None if timeout is None else time.monotonic() + timeout.total_seconds()
    look = 0.0  # the first look is short, so that something is said at once
    with _bar() if sys.stderr.isatty() else _lines() as show:
        while True:
            job = session.patient.run(routes.get(job_id, wait=look))
            if job.finished:
                return job
            show(job)
            left = LOOK_SECONDS if ends is None else ends - time.monotonic()
            if left <= 0:
                raise WaitTimeout(f"job {job_id} did not finish in time")
            look = round(min(LOOK_SECONDS, left), 3)


def follow_log(session: Session, job_id: str, timeout: timedelta | None) -> None:
    """The job's log on stderr until it has ended. Raises WaitTimeout, JobNotFound."""
    for line in session.patient.follow(job_id, timeout=timeout):
        talk(log_line(line))


@contextmanager
def _lines() -> Iterator[Callable[[Job], None]]:
    said = [""]

    def show(job: Job) -> None:
        text = progress_text(job)
        if text not in ("", said[-1]):
            talk(f"{job.status} {text}")
            said[-1] = text

    yield show


@contextmanager
def _bar() -> Iterator[Callable[[Job], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("waiting", total=None)

        def show(job: Job) -> None:
            fraction = None if job.progress is None else job.progress.fraction
            progress.update(
                task,
                description=_escape(f"{job.status} {progress_text(job)}".strip()),
                total=None if fraction is None else 1.0,
                completed=fraction or 0.0,
            )

        yield show


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
