"""Live events: numbers about once a second, and hints that something changed.

Nothing is told job by job. While somebody listens, a loop compares marks of what is watched with
those of its last look, twice a second after commits of this coordinator and once a second when
others share the store; nobody listening, nothing runs, and a commit costs the setting of a flag.
Events go into one ring that all listeners read at their own pace: a listener that falls behind it,
or comes back too late, is told to read everything again. So nobody slow holds anything.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass

from loguru import logger

from tenure.coordinator.insight import Insight, Snapshot
from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import InvalidInput, TooMany, Unavailable
from tenure.domain.spelling import nearest
from tenure.store import watching
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.store.watching import Mark
from tenure.wire.base import encode
from tenure.wire.live import Change

MAX_LISTENERS = 1_000
MAX_TOPICS = 100
KEPT_EVENTS = 2_000
LOOK_SECONDS = 0.5
BEAT_SECONDS = 5.0
"""The longest silence of a stream."""
LONGEST_SECONDS = 300.0
"""Of one stream; then the caller comes again, and is asked again who it is."""

STATS = "stats"
PLAIN_TOPICS = (STATS, "jobs", "schedules", "workers", "operations")
NAMED_TOPICS = ("queue", "job", "workflow")


@dataclass(frozen=True, slots=True)
class Event:
    """`id` is what to come back with; `data` is JSON. Of kind `stats`, `change` or `resync`."""

    id: str
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    number: int
    topic: str
    event: Event


def parse_topics(text: str) -> tuple[str, ...]:
    """Topics from a list with commas. Raises InvalidInput."""
    topics = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not 0 < len(topics) <= MAX_TOPICS:
        raise InvalidInput.field("topics", f"name 1 to {MAX_TOPICS} topics, separated by commas")
    for topic in topics:
        kind, colon, name = topic.partition(":")
        known = kind in NAMED_TOPICS and name if colon else kind in PLAIN_TOPICS
        if not known:
            words = [*PLAIN_TOPICS, *(f"{kind}:{name or 'NAME'}" for kind in NAMED_TOPICS)]
            raise InvalidInput.field("topics", f"{topic[:60]!r} is unknown{nearest(topic, words)}")
    return topics


class Live:
    """The listeners of this coordinator. Use from one event loop."""

    def __init__(
        self, reader: Reader, insight: Insight, clock: Clock, shared: Callable[[], bool]
    ) -> None:
        """`shared` says whether other coordinators write to the store."""
        self._reader = reader
        self._insight = insight
        self._clock = clock
        self._shared = shared
        self._epoch = secrets.token_hex(4)
        self._ring: deque[_Kept] = deque(maxlen=KEPT_EVENTS)
        self._last = 0
        self._topics: Counter[str] = Counter()
        self._marks: dict[str, Mark | bytes] = {}
        self._news: set[asyncio.Event] = set()
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = 0
        self._dirty = False
        self._stopping = False

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._news)

    def committed(self) -> None:
        """This coordinator wrote something."""
        self._dirty = True

    def stop(self) -> None:
        """End every stream. Legal twice."""
        self._stopping = True
        for news in self._news:
            news.set()

    def check_room(self) -> None:
        """Raises TooMany when no further listener can be taken."""
        if len(self._news) >= MAX_LISTENERS:
            raise TooMany(f"{MAX_LISTENERS} streams are open already", retry_after=5.0)

    async def listen(
        self, topics: Iterable[str], after: str | None = None
    ) -> AsyncGenerator[list[Event], None]:
        """Events of these topics as they come, beyond the event `after`; an empty list after
        BEAT_SECONDS of silence. The generator must be closed. It ends by itself after
        LONGEST_SECONDS or when the coordinator stops."""
        wanted = frozenset(topics)
        until = self._clock.monotonic() + int(LONGEST_SECONDS * SECOND)
        news = asyncio.Event()
        self._enter(wanted, news)
        try:
            if not wanted <= self._marks.keys():
                await self.look(anew=True)  # what changes after the first answer is told
            known = self._position(after)
            position = self._last if known is None else known
            yield await self._welcome(wanted, late=after is not None and known is None)
            while not self._stopping and self._clock.monotonic() < until:
                news.clear()
                told = self._beyond(position, wanted)
                position = self._last
                if not told and not await _within(news, BEAT_SECONDS):
                    yield []
                elif told:
                    yield told
        finally:
            self._leave(wanted, news)

    def _enter(self, topics: frozenset[str], news: asyncio.Event) -> None:
        self._news.add(news)
        self._topics.update(topics)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_on())

    def _leave(self, topics: frozenset[str], news: asyncio.Event) -> None:
        self._news.discard(news)
        self._topics.subtract(topics)
        for topic in topics:
            if self._topics[topic] <= 0:
                del self._topics[topic]
                self._marks.pop(topic, None)

    def _position(self, after: str | None) -> int | None:
        """The number of the event a listener comes back with; None when it is unknown here."""
        epoch, _, number = (after or "").partition("-")
        if epoch != self._epoch or not number.isdecimal() or len(number) > 18:
            return None
        position = int(number)
        oldest = self._ring[0].number if self._ring else self._last + 1
        return position if oldest - 1 <= position <= self._last else None

    async def _welcome(self, topics: frozenset[str], *, late: bool) -> list[Event]:
        """The present numbers; and who comes back too late is told."""
        told = [self._resync()] if late else []
        if STATS in topics:
            told.append(Event(self._id(self._last), STATS, await self._numbers()))
        return told

    def _beyond(self, position: int, topics: frozenset[str]) -> list[Event]:
        if self._ring and position < self._ring[0].number - 1:
            return [self._resync()]
        fresh: list[Event] = []
        for kept in reversed(self._ring):
            if kept.number <= position:
                break
            if kept.topic in topics:
                fresh.append(kept.event)
        return fresh[::-1]

    def _resync(self) -> Event:
        return Event(self._id(self._last), "resync", b"{}")

    def _id(self, number: int) -> str:
        return f"{self._epoch}-{number}"

    async def _look_on(self) -> None:
        """Look until nobody listens."""
        try:
            while self._news and not self._stopping:
                try:
                    await self.look()
                except Unavailable:
                    pass  # the store is away: there is nothing to tell
                except Exception:
                    logger.exception("live events: a look failed")
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._looking = None

    async def look(self, *, anew: bool = False) -> None:
        """Compare with the last look and tell what differs; `anew` even if nothing was written
        and no second has passed."""
        now = self._clock.monotonic()
        second = anew or now - self._looked_at >= SECOND
        dirty, self._dirty = self._dirty or anew, False
        if dirty or (second and self._shared()):
            wanted = tuple(self._topics)
            self._tell(await self._reader.run(lambda unit: _marks(unit, wanted)))
        if second:
            self._looked_at = now
            await self._look_at_numbers()

    async def _look_at_numbers(self) -> None:
        if STATS in self._topics:
            body = await self._numbers()
            if self._marks.get(STATS) != body:
                self._marks[STATS] = body
                self._publish(STATS, STATS, body)
        counted = await self._insight.snapshot()
        found: dict[str, Mark] = {"jobs": (counted.counts, self._insight.totals())}
        for topic in self._topics:
            kind, _, name = topic.partition(":")
            if kind == "queue":
                found[topic] = _of_queue(counted, name)
        self._tell(found)

    async def _numbers(self) -> bytes:
        return encode(await self._insight.pulse())

    def _tell(self, found: dict[str, Mark]) -> None:
        for topic, mark in found.items():
            if topic in self._topics and self._marks.get(topic) != mark:
                if topic in self._marks:
                    self._publish(topic, "change", encode(Change(topic=topic)))
                self._marks[topic] = mark

    def _publish(self, topic: str, kind: str, data: bytes) -> None:
        self._last += 1
        event = Event(self._id(self._last), kind, data)
        self._ring.append(_Kept(self._last, topic, event))
        for news in self._news:
            news.set()


async def _within(news: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return False
    return True


def _of_queue(counted: Snapshot, name: str) -> Mark:
    return (tuple(row for row in counted.counts if row.queue == name), counted.serving(name))


def _marks(unit: Unit, topics: Iterable[str]) -> dict[str, Mark]:
    """A mark of each topic that is looked up in the store."""
    found: dict[str, Mark] = {}
    job_ids: list[str] = []
    for topic in topics:
        kind, _, name = topic.partition(":")
        if kind == "job":
            job_ids.append(name)
        elif kind == "workflow":
            found[topic] = watching.workflow(unit, name)
        elif kind in _WHOLE:
            found[topic] = _WHOLE[kind](unit)
    if job_ids:
        found |= {f"job:{job_id}": mark for job_id, mark in watching.jobs(unit, job_ids).items()}
    return found


_WHOLE: dict[str, Callable[[Unit], Mark]] = {
    "workers": watching.all_workers,
    "schedules": watching.all_schedules,
    "operations": watching.all_operations,
}
