"""Recurring jobs: when they are due, and what becomes of times that were missed.

A nominal time is what the expression says; jitter moves the moment of the fire, never the nominal
time. Instants are microseconds since 1970.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise, takewhile

from tenure.domain import cron as expressions
from tenure.domain.clock import SECOND
from tenure.domain.errors import InvalidInput
from tenure.domain.scheduling import (
    LATEST_INSTANT,
    MAX_CATCHUP,
    MIN_EVERY_SECONDS,
    FireOutcome,
    Misfire,
    Overlap,
    ScheduleRules,
)

MAX_WALKED = 10_000
"""Times of one schedule that one decision looks at; the next one goes on."""


def next_time(rules: ScheduleRules, after: int) -> int | None:
    """The first nominal time after `after` between start and end; None: there is none."""
    if rules.start_at is not None:
        after = max(after, rules.start_at - 1)
    found = _next(rules, after)
    return None if found is None or (rules.end_at is not None and found > rules.end_at) else found


def _next(rules: ScheduleRules, after: int) -> int | None:
    if rules.every is not None:
        return rules.anchor + ((after - rules.anchor) // rules.every + 1) * rules.every
    cron, where = expressions.parse(rules.cron or ""), expressions.zone(rules.timezone)
    found = expressions.next_time(cron, where, after // SECOND)
    return None if found is None else found * SECOND


def times(rules: ScheduleRules, after: int) -> Iterator[int]:
    """Nominal times after `after`, as many as there are."""
    found = next_time(rules, after)
    while found is not None:
        yield found
        found = next_time(rules, found)


def times_within(rules: ScheduleRules, start: int, end: int, limit: int) -> list[int]:
    """Up to `limit` nominal times from `start` to before `end`, whatever the schedule's own start
    and end."""
    found = times(replace(rules, start_at=None, end_at=None), start - 1)
    return list(islice(takewhile(lambda at: at < end, found), limit))


def note(rules: ScheduleRules, nominal: int) -> str | None:
    """What a clock change does to this nominal time; None when it is an ordinary one."""
    if rules.cron is None:
        return None
    where = expressions.zone(rules.timezone)
    return expressions.note(expressions.parse(rules.cron), where, nominal // SECOND)


def due_at(rules: ScheduleRules, schedule_id: str, nominal: int) -> int:
    """When a nominal time is to fire: moved by less than the jitter, always by the same."""
    if not rules.jitter:
        return nominal
    digest = hashlib.blake2b(f"{schedule_id}:{nominal}".encode(), digest_size=8).digest()
    return nominal + int.from_bytes(digest) % rules.jitter


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring nominal times, `first` to `last`, that had the same outcome."""

    first: int
    last: int
    count: int
    outcome: FireOutcome


@dataclass(slots=True)
class Plan:
    """What a due schedule does now. `fires` ascending; `replaces`: what runs is cancelled first.

    `next_nominal`: where the schedule stands afterwards, None at its end. `walked` counts the
    times that were looked at.
    """

    stretches: list[Stretch] = field(default_factory=list)
    fires: list[int] = field(default_factory=list)
    replaces: bool = False
    next_nominal: int | None = None
    walked: int = 0

    def lapse(self, lapsed: list[int], outcome: FireOutcome) -> None:
        """Note times that do not fire."""
        if not lapsed:
            return
        former = self.stretches[-1] if self.stretches and not self.fires else None
        if former is not None and former.outcome is outcome:
            self.stretches[-1] = Stretch(
                former.first, lapsed[-1], former.count + len(lapsed), outcome
            )
        else:
            self.stretches.append(Stretch(lapsed[0], lapsed[-1], len(lapsed), outcome))


def plan(
    rules: ScheduleRules,
    schedule_id: str,
    nominal: int,
    now: int,
    *,
    busy: bool = False,
    paused_until: int | None = None,
    most: int = MAX_WALKED,
) -> Plan:
    """Decide about every nominal time from `nominal` (the next one) that is due at `now`.

    `busy`: a job of an earlier fire is unfinished. Times up to `paused_until` passed while the
    schedule was paused. At most `most` times are looked at; `next_nominal` is then one of those
    still due. A plan fires at most `max_catchup` times that were missed, and those on time.
    """
    found = Plan()
    due, following = _due(rules, schedule_id, nominal, now, most)
    found.walked = len(due)
    paused = [at for at in due if paused_until is not None and at <= paused_until]
    late, on_time = _sorted_out(rules, schedule_id, due[len(paused) :], now)
    found.lapse(paused, FireOutcome.PAUSED)
    found.next_nominal = following
    more = following is not None and due_at(rules, schedule_id, following) <= now
    if more and late and not on_time:
        # The newest of the missed ones are still to be looked at: only the older are decided.
        kept = _undecided(rules, late)
        found.lapse(late[: len(late) - kept], FireOutcome.MISSED)
        found.next_nominal = late[-kept] if kept else following
        return found
    made_up = _made_up(rules, late, now, bool(on_time))
    found.lapse(late[: len(late) - len(made_up)], FireOutcome.MISSED)
    if rules.misfire is Misfire.ALL:
        # Every missed time was asked for, so they do not keep each other from running.
        found.fires += made_up
        made_up = []
    _fire(rules, found, made_up + on_time, busy=busy)
    return found


def _due(
    rules: ScheduleRules, schedule_id: str, nominal: int, now: int, most: int
) -> tuple[list[int], int | None]:
    """The nominal times due at `now`, at most `most`, and the one after them. A thousand of them
    on time are enough: the others stay due."""
    due: list[int] = []
    fresh = 0
    following: int | None = nominal
    while following is not None and len(due) < most and fresh < MAX_CATCHUP:
        at = due_at(rules, schedule_id, following)
        if at > now:
            break
        due.append(following)
        fresh += now - at <= rules.misfire_after
        following = next_time(rules, following)
    return due, following


def _sorted_out(
    rules: ScheduleRules, schedule_id: str, due: list[int], now: int
) -> tuple[list[int], list[int]]:
    """The times that are too late, and those on time."""
    late: list[int] = []
    on_time: list[int] = []
    for at in due:
        too_late = now - due_at(rules, schedule_id, at) > rules.misfire_after
        (late if too_late else on_time).append(at)
    return late, on_time


def _undecided(rules: ScheduleRules, late: list[int]) -> int:
    """How many of these, with more missed ones to come, might still be made up."""
    return min(rules.max_catchup, len(late) // 2) if rules.misfire is Misfire.ALL else 0


def _made_up(rules: ScheduleRules, late: list[int], now: int, on_time: bool) -> list[int]:
    """The last of the missed times that fire all the same."""
    window = rules.catchup_window
    recent = [at for at in late if window is None or now - at <= window]
    if rules.misfire is Misfire.ALL:
        return recent[-rules.max_catchup :]
    if rules.misfire is Misfire.LATEST and not on_time:
        return recent[-1:]
    return []


def _fire(rules: ScheduleRules, found: Plan, wanted: list[int], *, busy: bool) -> None:
    """Fire times one after the other, as the overlap policy says."""
    if not wanted:
        return
    if rules.overlap is Overlap.ALLOW:
        found.fires += wanted
    elif rules.overlap is Overlap.CANCEL_RUNNING:
        found.lapse(wanted[:-1], FireOutcome.OVERLAPPED)
        found.fires.append(wanted[-1])
        found.replaces = True
    else:
        first = [] if busy else wanted[:1]
        found.fires += first
        found.lapse(wanted[len(first) :], FireOutcome.OVERLAPPED)


def check(rules: ScheduleRules, now: int) -> int:
    """The first nominal time after `now` of new rules. Raises InvalidInput naming the field."""
    _check_timing(rules)
    ends = ("start_at", rules.start_at), ("end_at", rules.end_at)
    for name, at in ends:
        if at is not None and not 0 <= at <= LATEST_INSTANT:
            raise InvalidInput.field(name, "must lie between 1970 and 3000")
    if rules.start_at is not None and rules.end_at is not None and rules.end_at < rules.start_at:
        raise InvalidInput.field("end_at", "lies before start_at")
    found = list(islice(times(rules, now), 5))
    if not found:
        raise InvalidInput.field("end_at", "the schedule would never fire before it ends")
    shortest = min((b - a for a, b in pairwise(found)), default=None)
    if shortest is not None and rules.jitter > shortest:
        raise InvalidInput.field(
            "jitter_seconds", f"at most the time between two fires, {shortest / SECOND:g} s here"
        )
    return found[0]


def _check_timing(rules: ScheduleRules) -> None:
    if (rules.cron is None) == (rules.every is None):
        raise InvalidInput.field("cron", "give either cron or every_seconds")
    try:
        expressions.zone(rules.timezone)
    except ValueError as error:
        raise InvalidInput.field("timezone", str(error)) from None
    if rules.every is not None and rules.every < MIN_EVERY_SECONDS * SECOND:
        raise InvalidInput.field("every_seconds", f"at least {MIN_EVERY_SECONDS:g} second")
    try:
        if rules.cron is not None:
            expressions.parse(rules.cron)
    except ValueError as error:
        raise InvalidInput.field("cron", str(error)) from None
