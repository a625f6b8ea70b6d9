"""The filter language: `status:failed type:send_* not tag:slow created:<2h error:"timed out"`.

Clauses stand one after the other and all must hold. A clause is `field:value`, or a word or quoted
text to find anywhere; `not` before it turns it round. Several values after commas: one must fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tenure.domain import clock
from tenure.domain.errors import FieldError, InvalidInput
from tenure.domain.ids import is_id
from tenure.domain.job import MAX_PRIORITY, MIN_PRIORITY
from tenure.domain.lifecycle import ALIASES, JobState, parse_state
from tenure.domain.query import OPPOSITE, Clause, Compared, Field, InStates, Matching, Op, Query
from tenure.domain.spelling import nearest

MAX_LENGTH = 2_000
MAX_CLAUSES = 32
MAX_VALUES = 100
MAX_STARS = 2
"""In one value: more would make a match cost more than the length of what it looks at."""

_FIELD = re.compile(r"([^\s:\"',]+):")
_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s,"]+)', re.S)
_NOT = re.compile(r"not(?=\s|$)", re.I)
_OPERATOR = re.compile(r"([<>]=?|=)(.*)", re.S)
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d|w)")
_SPAN_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TURNED = {Op.LESS: Op.MORE, Op.AT_MOST: Op.AT_LEAST, Op.MORE: Op.LESS, Op.AT_LEAST: Op.AT_MOST}
_NAME = re.compile(r"[\w$@-]{1,100}")
_CONTAINING = (Field.ERROR, Field.TEXT)
_NAMED = [field.value for field in Field if field is not Field.TEXT]
_NO_INSTANT = "is not a span like 2h or 3d, nor a time like 2026-01-31 or 2026-01-31T08:30:00Z"


@dataclass(frozen=True, slots=True)
class _Value:
    text: str
    quoted: bool


class _WrongError(Exception):
    """A clause that cannot be read. `end`: where the next one begins."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def parse(text: str, now: int, field: str = "q") -> Query:
    """The query that `text` says. Spans in it count back from `now` (microseconds).

    Raises InvalidInput that names every wrong clause under `field`, each with its first character
    (from 1) and, where there is one, the nearest right word.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidInput.field(field, f"at most {MAX_LENGTH} characters")
    clauses: list[Clause] = []
    wrong: list[FieldError] = []
    at = _skip(text, 0)
    while at < len(text):
        reader = _Reader(text, at, now)
        try:
            clauses.append(reader.clause())
        except _WrongError as error:
            shown = text[at : reader.end].strip()[:60]
            wrong.append(FieldError(f"/{field}", f"character {at + 1}, {shown!r}: {error.detail}"))
        at = _skip(text, reader.end)
    if len(clauses) + len(wrong) > MAX_CLAUSES:
        raise InvalidInput.field(field, f"at most {MAX_CLAUSES} clauses")
    if wrong:
        raise InvalidInput(f"{field}: {wrong[0].detail}", errors=tuple(wrong))
    return Query(tuple(clauses))


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


class _Reader:
    """Reads the clause that begins at `at`; `end` is where it got to."""

    def __init__(self, text: str, at: int, now: int) -> None:
        self._text = text
        self._now = now
        self.end = at

    def clause(self) -> Clause:
        """Raises _WrongError; `end` is then behind what is wrong."""
        negated = False
        while (word := _NOT.match(self._text, self.end)) is not None:
            negated = not negated
            self.end = _skip(self._text, word.end())
            if self.end == len(self._text):
                raise _WrongError("not stands before a clause, like not tag:slow")
        named = _FIELD.match(self._text, self.end)
        if named is None:
            return self._anywhere(negated)
        self.end = named.end()
        values = self._values()
        first, *path = named[1].split(".")
        if first not in _NAMED:
            hint = nearest(first.lower(), _NAMED) or f", known are {', '.join(_NAMED)}"
            raise _WrongError(f'unknown field{hint} (text with a colon is put in "quotes")')
        field = Field(first)
        if path:
            return Matching(field, _words(field, values), _path(field, path), negated)
        if not values:
            raise _WrongError(f"{first}: needs a value{_EXAMPLES.get(field, '')}")
        return _READERS.get(field, _matching)(field, values, negated, self._now)

    def _anywhere(self, negated: bool) -> Clause:
        quoted = _VALUE.match(self._text, self.end)
        if self._text[self.end] == '"':
            if quoted is None:
                self.end = len(self._text)
                raise _WrongError("the quote is not closed")
            self.end = quoted.end()
            return Matching(Field.TEXT, ((_unescaped(quoted[1]),),), negated=negated)
        word = self._text[self.end :].split(None, 1)[0]
        self.end += len(word)
        if word.lower() in ("and", "or"):
            raise _WrongError(
                "clauses need no and: all must hold; either of two values: type:a,b"
                f' (to find the word: "{word}")'
            )
        return Matching(Field.TEXT, ((word,),), negated=negated)

    def _values(self) -> list[_Value]:
        """The values after a colon; none when a space follows it at once."""
        found: list[_Value] = []
        while self.end < len(self._text) and not self._text[self.end].isspace():
            match = _VALUE.match(self._text, self.end)
            if match is None:
                self._skip_word()
                raise _WrongError("a quote is not closed, or a value is missing at a comma")
            quoted = match[1] is not None
            found.append(_Value(_unescaped(match[1]) if quoted else match[2], quoted))
            self.end = match.end()
            if self._text[self.end : self.end + 1] == ",":
                self.end += 1
                if self.end == len(self._text) or self._text[self.end].isspace():
                    raise _WrongError("a value is missing after the comma")
            elif self.end < len(self._text) and not self._text[self.end].isspace():
                self._skip_word()
                raise _WrongError("a quote stands alone: a value is quoted whole or not at all")
        if len(found) > MAX_VALUES:
            raise _WrongError(f"at most {MAX_VALUES} values")
        return found

    def _skip_word(self) -> None:
        while self.end < len(self._text) and not self._text[self.end].isspace():
            self.end += 1


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.S)


def _words(field: Field, values: list[_Value]) -> tuple[tuple[str, ...], ...]:
    if not values:
        raise _WrongError(f"{field}: needs a value{_EXAMPLES.get(field, '')}")
    return tuple(_word(field, value) for value in values)


def _word(field: Field, value: _Value) -> tuple[str, ...]:
    if value.quoted or field in _CONTAINING:
        if not value.text:
            raise _WrongError("a value is empty")
        return (value.text,)
    if _OPERATOR.fullmatch(value.text):
        raise _WrongError(f'{field} cannot be compared; quote the value to find it: "{value.text}"')
    if value.text.count("*") > MAX_STARS:
        raise _WrongError(f"at most {MAX_STARS} * in a value")
    return tuple(value.text.split("*"))


def _path(field: Field, path: list[str]) -> tuple[str, ...]:
    if field is not Field.PAYLOAD:
        raise _WrongError(f"{field} has no parts; only payload has, like payload.user.id:42")
    if len(path) > 10 or not all(_NAME.fullmatch(part) for part in path):
        raise _WrongError("a path into the payload is up to 10 names, like payload.user.id:42")
    return tuple(path)


def _matching(field: Field, values: list[_Value], negated: bool, _: int) -> Clause:
    return Matching(field, _words(field, values), negated=negated)


def _states(_: Field, values: list[_Value], negated: bool, __: int) -> Clause:
    found: set[JobState] = set()
    for value in values:
        try:
            found.add(parse_state(value.text))
        except ValueError:
            known = [state.value for state in JobState]
            hint = nearest(value.text.lower(), [*known, *ALIASES])
            told = hint or f", known are {', '.join(known)}"
            raise _WrongError(f"unknown status{told}") from None
    return InStates(frozenset(JobState) - found if negated else frozenset(found))


def _ids(field: Field, values: list[_Value], negated: bool, _: int) -> Clause:
    if not all(is_id(value.text) for value in values):
        raise _WrongError(f"{field} needs whole ids: 36 characters, lower case")
    return Matching(field, tuple((value.text,) for value in values), negated=negated)


def _priority(field: Field, values: list[_Value], negated: bool, _: int) -> Clause:
    op, text = _compared(field, values)
    if re.fullmatch(r"[+-]?\d{1,4}", text) is None:
        raise _WrongError(f"priority is an integer from {MIN_PRIORITY} to {MAX_PRIORITY}")
    return Compared(field, op, int(text), negated)


def _instant(field: Field, values: list[_Value], negated: bool, now: int) -> Clause:
    op, text = _compared(field, values)
    if op is Op.EQUAL:
        raise _WrongError(f"{field} needs < or > before its value{_EXAMPLES[field]}")
    span = _SPAN.fullmatch(text)
    if span is not None:
        # Longer ago is earlier: the comparison turns round.
        op = _TURNED[op]
        ago = int(float(span[1]) * _SPAN_SECONDS[span[2]] * clock.SECOND)
        number = max(now - ago, clock.MIN_INSTANT)
    else:
        number = _time(text)
    if negated and field is Field.CREATED:
        return Compared(field, OPPOSITE[op], number)
    return Compared(field, op, number, negated)


def _compared(field: Field, values: list[_Value]) -> tuple[Op, str]:
    if len(values) > 1:
        raise _WrongError(f"{field} takes one value; write {field}: twice for a range")
    match = _OPERATOR.fullmatch(values[0].text)
    return (Op(match[1]), match[2]) if match else (Op.EQUAL, values[0].text)


def _time(text: str) -> int:
    try:
        at = datetime.fromisoformat(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text.upper())
    except ValueError:
        raise _WrongError(f"{text[:40]!r} {_NO_INSTANT}") from None
    try:
        found = clock.from_datetime(at)
    except ValueError:
        raise _WrongError(f"{text[:40]!r} needs a time zone, like Z or +01:00") from None
    return min(max(found, clock.MIN_INSTANT), clock.MAX_INSTANT)


_READERS: dict[Field, Callable[[Field, list[_Value], bool, int], Clause]] = {
    Field.STATUS: _states,
    Field.ID: _ids,
    Field.OWNER: _ids,
    Field.WORKFLOW: _ids,
    Field.SCHEDULE: _ids,
    Field.PRIORITY: _priority,
    Field.CREATED: _instant,
    Field.FINISHED: _instant,
}
_EXAMPLES = {
    Field.STATUS: ", like status:failed",
    Field.TYPE: ", like type:send_*",
    Field.PAYLOAD: ", like payload.user.id:42",
    Field.PRIORITY: ", like priority:>=5",
    Field.ERROR: ', like error:"timed out"',
    Field.CREATED: ", like created:<2h (in the last two hours) or created:>=2026-01-31",
    Field.FINISHED: ", like finished:<2h (in the last two hours) or finished:>=2026-01-31",
}
