"""What the duties that wait for a moment have in common."""

from __future__ import annotations

from collections.abc import Callable

from tenure.background.duty import Ticked
from tenure.store.committer import Committer
from tenure.store.reader import Reader
from tenure.store.unit import Unit


async def when_due(
    committer: Committer,
    reader: Reader,
    next_due: Callable[[Unit], int | None],
    work: Callable[[Unit], int],
    now: int,
) -> Ticked:
    """Run `work`, which counts what it did, if `next_due` has come; writes only then."""
    due = await reader.run(next_due)
    if due is None or due > now:
        return Ticked(next_at=due)
    done = await committer.run(work)
    # None at all: another coordinator has them. Asking again at once would only spin.
    return Ticked(done, more=done > 0)
