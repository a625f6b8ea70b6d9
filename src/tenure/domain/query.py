"""A filter of jobs as a small syntax tree; `domain.grammar` reads it from text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tenure.domain.clock import SECOND
from tenure.domain.ids import first_at
from tenure.domain.lifecycle import TERMINAL, JobState

CLOCK_SLACK = 3_600 * SECOND
"""How far the time inside a job's id may be from its `created_at` (microseconds): a clock may have
been set back between two submits."""
FIRST_ID = "00000000-0000-0000-0000-000000000000"
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class Field(StrEnum):
    """What a clause may be about; `TEXT` is a clause without a name."""

    STATUS = "status"
    TYPE = "type"
    QUEUE = "queue"
    NAME = "name"
    TAG = "tag"
    REASON = "reason"
    FINGERPRINT = "fingerprint"
    ID = "id"
    OWNER = "owner"
    WORKFLOW = "workflow"
    SCHEDULE = "schedule"
    PRIORITY = "priority"
    CREATED = "created"
    FINISHED = "finished"
    ERROR = "error"
    PAYLOAD = "payload"
    TEXT = "text"


class Op(StrEnum):
    EQUAL = "="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


OPPOSITE = {Op.LESS: Op.AT_LEAST, Op.AT_MOST: Op.MORE, Op.MORE: Op.AT_MOST, Op.AT_LEAST: Op.LESS}


@dataclass(frozen=True, slots=True)
class InStates:
    """The job is in one of these states."""

    states: frozenset[JobState]


@dataclass(frozen=True, slots=True)
class Matching:
    """One of the words fits the field. A word is its parts around each `*`; one part is the whole
    value, or what is looked for inside (ERROR, TEXT). `path` leads into the payload."""

    field: Field
    words: tuple[tuple[str, ...], ...]
    path: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """The field (instants in microseconds) compared with a number; a job without one fits only
    when negated."""

    field: Field
    op: Op
    number: int
    negated: bool = False


Clause = InStates | Matching | Compared


@dataclass(frozen=True, slots=True)
class Query:
    """All clauses must hold; none: every job."""

    clauses: tuple[Clause, ...] = ()

    def both(self, other: Query) -> Query:
        """What this query and the other one ask."""
        return Query(self.clauses + other.clauses)

    @property
    def states(self) -> frozenset[JobState]:
        """The states a job may be in; all of them when the query does not say."""
        found = frozenset(JobState)
        for clause in self.clauses:
            if isinstance(clause, InStates):
                found &= clause.states
            elif _only_finished(clause):
                found &= TERMINAL
        return found

    @property
    def rest(self) -> tuple[Matching | Compared, ...]:
        """The clauses that are not about states."""
        return tuple(clause for clause in self.clauses if not isinstance(clause, InStates))

    def word(self, field: Field) -> str | None:
        """The one value that the field must have, when the query says it in one exact word."""
        for clause in self.rest:
            if isinstance(clause, Matching) and clause.field is field and not clause.negated:
                exact = len(clause.words) == 1 and len(clause.words[0]) == 1
                return clause.words[0][0] if exact else None
        return None

    @property
    def ids(self) -> tuple[str, str]:
        """(lowest, highest): no job outside of these ids can fit."""
        low, high = FIRST_ID, LAST_ID
        for clause in self.rest:
            if isinstance(clause, Compared) and clause.field is Field.CREATED:
                if clause.op in (Op.MORE, Op.AT_LEAST):
                    low = max(low, first_at(clause.number - CLOCK_SLACK))
                else:
                    high = min(high, first_at(clause.number + CLOCK_SLACK))
            elif isinstance(clause, Compared) and _ended_before(clause):
                high = min(high, first_at(clause.number + CLOCK_SLACK))
            elif isinstance(clause, Matching) and clause.field is Field.ID and not clause.negated:
                named = [word[0] for word in clause.words]
                low, high = max(low, min(named)), min(high, max(named))
        return low, high


def _only_finished(clause: Clause) -> bool:
    return isinstance(clause, Compared) and clause.field is Field.FINISHED and not clause.negated


def _ended_before(clause: Compared) -> bool:
    """Whether the job ended, and so was submitted, before an instant."""
    return _only_finished(clause) and clause.op in (Op.LESS, Op.AT_MOST)


def exact(field: Field, value: str) -> Matching:
    """The field is this value, whatever characters it has."""
    return Matching(field, ((value,),))
