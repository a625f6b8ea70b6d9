"""Staying with a job until it has ended: its progress on stderr, its log as it comes."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

from tenure.cli.exits import talk
from tenure.cli.session import Session
from tenure.client import routes
from tenure.client.following import Follower
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
    """The job once it has ended; at a terminal with a bar. Raises WaitTimeout, JobNotFound."""
    if not sys.stderr.isatty():
        return session.patient.wait(job_id, timeout)
    return _with_bar(session, job_id, timeout)


def follow_log(session: Session, job_id: str, timeout: timedelta | None) -> None:
    """The job's log on stderr until it has ended. Raises WaitTimeout, JobNotFound."""
    follower = Follower(job_id)
    ends = None if timeout is None else time.monotonic() + timeout.total_seconds()
    while not follower.ended:
        for line in follower.take(session.patient.run(follower.lines())):
            talk(log_line(line))
        if ends is not None and time.monotonic() > ends:
            raise WaitTimeout(f"job {job_id} did not finish in time")
        if (look := follower.job()) is not None:
            follower.saw(session.patient.run(look))


def _with_bar(session: Session, job_id: str, timeout: timedelta | None) -> Job:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    ends = None if timeout is None else time.monotonic() + timeout.total_seconds()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("waiting", total=None)
        look = 0.0  # the first look is short, so that the bar says something at once
        while True:
            job = session.patient.run(routes.get(job_id, wait=look))
            if job.finished:
                return job
            told = job.progress
            fraction = None if told is None else told.fraction
            message = "" if told is None or told.message is None else one_line(told.message)
            progress.update(
                task,
                description=_escape(f"{job.status} {message}".strip()),
                total=None if fraction is None else 1.0,
                completed=fraction or 0.0,
            )
            left = LOOK_SECONDS if ends is None else ends - time.monotonic()
            if left <= 0:
                raise WaitTimeout(f"job {job_id} did not finish in time")
            look = round(min(LOOK_SECONDS, left), 3)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
