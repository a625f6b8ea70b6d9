"""Workers, handlers and numbers as calls."""

from __future__ import annotations

from datetime import timedelta

from tenure.client.call import Call, path, reads
from tenure.wire.base import Page
from tenure.wire.system import Autoscale, Handler, Handlers, Series, Stats
from tenure.wire.workers import Worker

_workers = reads(Page[Worker])
_worker = reads(Worker)
_stats = reads(Stats)
_series = reads(Series)
_handlers = reads(Handlers)
_autoscale = reads(Autoscale)


def workers() -> Call[list[Worker]]:
    """The workers known."""
    return Call("GET", path("workers"), lambda a: _workers(a).items, repeatable=True)


def worker(id_: str) -> Call[Worker]:
    """One worker."""
    return Call("GET", path("workers", id_), _worker, repeatable=True)


def drain(id_: str) -> Call[Worker]:
    """Ask a worker to take no more jobs and to leave."""
    return Call("POST", path("workers", id_, "drain"), _worker, b"{}", repeatable=True)


def handlers() -> Call[list[Handler]]:
    """The types that workers offer or that had jobs lately."""
    return Call("GET", path("handlers"), lambda a: _handlers(a).items, repeatable=True)


def stats() -> Call[Stats]:
    """Numbers of the whole store."""
    return Call("GET", path("stats"), _stats, repeatable=True)


def series(last: timedelta | float, queue: str | None, type_: str | None) -> Call[Series]:
    """Numbers over time."""
    seconds = int(last.total_seconds() if isinstance(last, timedelta) else last)
    where = path("stats", "series", range_seconds=seconds, queue=queue, type=type_)
    return Call("GET", where, _series, repeatable=True)


def autoscale(queue: str) -> Call[Autoscale]:
    """The demand of one queue."""
    return Call("GET", path("autoscale", queue=queue), _autoscale, repeatable=True)
