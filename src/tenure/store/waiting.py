"""Who waits to be written: callers in line, kind by kind."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tenure.store.unit import Unit

Verb = Callable[[Unit, list[Any]], list[Any]]
"""Does the work of several callers; an answer for each, in their order."""


@dataclass(slots=True)
class Waiting:
    """One caller: its item, how many rows it weighs, and where it is answered."""

    item: Any
    weight: int
    answer: asyncio.Future[Any]


@dataclass(slots=True)
class Kind:
    """One kind of work: its name, its verb over many callers, the rows a transaction takes of it.

    Items with the same `apart` never run in two transactions at once.
    """

    name: str
    verb: Verb
    max_weight: int
    apart: Callable[[Any], str] | None = None
    waiting: deque[Waiting] = field(default_factory=deque)
    running: set[str] = field(default_factory=set)

    def run(self, unit: Unit, taken: list[Waiting]) -> list[Any]:
        """What the verb answers these callers."""
        items = [waiting.item for waiting in taken]
        return unit.measured.timed(self.name, partial(self.verb, unit), items)

    def take(self) -> list[Waiting]:
        """Who goes into the next transaction, in order. Call `done` with them after it."""
        taken: list[Waiting] = []
        aside: list[Waiting] = []
        weight = 0
        while self.waiting and (not taken or weight + self.waiting[0].weight <= self.max_weight):
            waiting = self.waiting.popleft()
            if waiting.answer.cancelled():
                continue
            if self.apart is not None and self.apart(waiting.item) in self.running:
                aside.append(waiting)
                continue
            taken.append(waiting)
            weight += waiting.weight
        self.waiting.extendleft(reversed(aside))
        if self.apart is not None:
            self.running.update(self.apart(waiting.item) for waiting in taken)
        return taken

    def done(self, taken: list[Waiting]) -> None:
        """The transaction that took these has ended."""
        if self.apart is not None:
            self.running.difference_update(self.apart(waiting.item) for waiting in taken)


Group = tuple[Kind, list[Waiting]]
"""Callers of one kind that share a transaction."""
