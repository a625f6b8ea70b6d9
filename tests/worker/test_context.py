from __future__ import annotations

import msgspec
import pytest

from tenure.domain.errors import TooLarge
from tenure.domain.run import Cancel
from tenure.wire.leases import Parent
from tenure.worker.context import MAX_CHECKPOINT, Context
from tenure.worker.door import Door
from tests.builders import OTHER_WORKER
from tests.worker.scenes import lease


class Told:
    """A channel that keeps what it is told."""

    door = Door("http://127.0.0.1:1", None)

    def __init__(self) -> None:
        self.cancelled = False
        self.said: list[tuple[object, ...]] = []

    def note_progress(self, fraction: float | None, message: str | None) -> None:
        self.said.append(("progress", fraction, message))

    def note_checkpoint(self, value: bytes) -> None:
        self.said.append(("checkpoint", value))

    def note_log(self, level: str, text: str) -> None:
        self.said.append((level, text))


@pytest.fixture
def told() -> Told:
    return Told()


def test_it_says_what_the_lease_says(told: Told) -> None:
    up = Parent(job_id=OTHER_WORKER, status="completed", result=1)
    item = lease("resize", name="cat", tags=["a"], attempt=2, fence=9, parents={"up": up})
    ctx = Context(item, told)
    assert (ctx.job_id, ctx.idempotency_key) == (item.job_id, item.job_id)
    assert (ctx.attempt, ctx.max_attempts, ctx.fence) == (2, 4, 9)
    assert (ctx.type, ctx.name, ctx.queue) == ("resize", "cat", "default")
    assert (ctx.tags, ctx.parents) == (["a"], {"up": up})


def test_progress_stays_within_its_bounds(told: Told) -> None:
    ctx = Context(lease(), told)
    ctx.progress(0.25, "quarter")
    ctx.progress(7)
    ctx.progress(-1, "x" * 1_000 + "\0")
    ctx.progress(message="only\0text")
    assert told.said[:2] == [("progress", 0.25, "quarter"), ("progress", 1.0, None)]
    assert told.said[2] == ("progress", 0.0, "x" * 500)
    assert told.said[3] == ("progress", None, "only\ufffdtext")
    with pytest.raises(ValueError, match="from 0 to 1"):
        ctx.progress(float("nan"))


def test_log_levels(told: Told) -> None:
    log = Context(lease(), told).log
    log.debug(1)
    log.info("two")
    log.warning("three")
    log.error(ValueError("four"))
    assert told.said == [
        ("debug", "1"), ("info", "two"), ("warning", "three"), ("error", "four"),
    ]  # fmt: skip


def test_cancelled_is_seen_and_raised(told: Told) -> None:
    ctx = Context(lease(), told)
    ctx.raise_if_cancelled()
    told.cancelled = True
    seen: bool = ctx.cancelled
    assert seen
    with pytest.raises(Cancel):
        ctx.raise_if_cancelled()


def test_a_checkpoint_is_none_then_what_an_earlier_attempt_or_this_one_saved(told: Told) -> None:
    assert Context(lease(), told).checkpoint is None
    ctx = Context(lease(checkpoint=msgspec.Raw(b'{"page": 3}')), told)
    assert ctx.checkpoint == {"page": 3}
    ctx.checkpoint = {"page": 4}
    assert ctx.checkpoint == {"page": 4}
    assert told.said == [("checkpoint", b'{"page":4}')]


def test_a_checkpoint_is_bounded(told: Told) -> None:
    ctx = Context(lease(), told)
    ctx.checkpoint = "x" * (MAX_CHECKPOINT - 2)
    with pytest.raises(TooLarge):
        ctx.checkpoint = "x" * (MAX_CHECKPOINT - 1)
    assert len(told.said) == 1
