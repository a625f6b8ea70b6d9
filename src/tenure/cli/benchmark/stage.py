"""Where the measurements run: coordinators on fresh stores, or one that was given."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenure.cli.benchmark import processes
from tenure.cli.benchmark.connection import Target


@dataclass(frozen=True, slots=True)
class Coordinator:
    """A running coordinator. `pid` is None when it is not ours to look at."""

    target: Target
    pid: int | None


@dataclass(frozen=True, slots=True)
class Stage:
    """Gives coordinators. Exactly one of `given` and `database_url` is set.

    `database_url` maps a name to the URL of a store; `fresh` says whether every name has an empty
    store of its own. `analysis` maps a name to the command that renews its statistics.
    `directory` is where processes run and what they write goes. `authenticated`: the coordinators
    ask everybody.
    """

    store: str
    directory: Path
    given: Target | None = None
    database_url: Callable[[str], str] | None = None
    analysis: Callable[[str], Sequence[str]] | None = None
    fresh: bool = False
    authenticated: bool = False

    @contextlib.asynccontextmanager
    async def coordinator(self, name: str) -> AsyncIterator[Coordinator]:
        """A ready coordinator on the store `name`, stopped at the end; or the one given."""
        if self.database_url is None:
            assert self.given is not None  # noqa: S101
            yield Coordinator(self.given, None)
            return
        url = self.database_url(name)
        async with processes.coordinator(url, self.directory, self.authenticated) as (
            target,
            pid,
        ):
            yield Coordinator(target, pid)

    async def analyze(self, name: str) -> None:
        """Renew the statistics of store `name`, while no coordinator runs on it. Leaves a store
        that was given alone."""
        if self.analysis is None:
            return
        command = self.analysis(name)
        async with processes.running("ANALYZE", command, directory=self.directory) as process:
            await process.succeeded()
