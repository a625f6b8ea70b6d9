"""A call: one request and how to read its answer, without a word about how it is sent.

Both clients only execute calls, so a route is described in one place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tenure.client.transport import Answer
from tenure.domain.errors import TenureError

Result = TypeVar("Result")
Answered_co = TypeVar("Answered_co", covariant=True)
QueryValue = str | int | float | bool | Sequence[str] | None
ANSWER_GRACE_SECONDS = 10.0
"""How much longer than the coordinator may hold a long poll the client listens."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Answered_co]):
    """`repeatable`: safe to send again when no answer came, or when it was 503 or 429."""

    method: str
    path: str
    decode: Callable[[Answer], Answered_co]
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    timeout: float | None = None
    repeatable: bool = False


class Runner(ABC):
    """What parts of `Client` build upon."""

    @abstractmethod
    def run(self, call: Call[Result]) -> Result:
        """See `Client.run`."""


class AsyncRunner(ABC):
    """What parts of `AsyncClient` build upon."""

    @abstractmethod
    async def run(self, call: Call[Result]) -> Result:
        """See `Client.run`."""


class Run(Protocol):
    """Carries out a call."""

    def __call__(self, call: Call[Result], /) -> Result:
        """Its answer."""


class RunAwaited(Protocol):
    """Carries out a call in a loop."""

    def __call__(self, call: Call[Result], /) -> Awaitable[Result]:
        """Its answer, awaited."""


def held(wait: float | None) -> float | None:
    """The timeout of a call that the coordinator may hold for `wait` seconds; None: the usual."""
    return None if wait is None else wait + ANSWER_GRACE_SECONDS


def path(*parts: str, **query: QueryValue) -> str:
    """`/api` and the parts, escaped; query values that are None or empty lists are left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, str | int | float):
            pairs.append((name, str(value)))
        else:
            pairs += [(name, item) for item in value]
    escaped = "/".join(quote(part, safe="") for part in ("api", *parts))
    return f"/{escaped}?{urlencode(pairs)}" if pairs else f"/{escaped}"


def reads(kind: type[Result]) -> Callable[[Answer], Result]:
    """A decoder of answers into `kind`, kept by its caller and made when it is first used: a
    command uses one or two of them.

    Raises TenureError when the answer is not of that shape: another version, or no coordinator.
    """
    decoder = cache(lambda: msgspec.json.Decoder(kind))

    def decode(answer: Answer) -> Result:
        try:
            return decoder().decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise TenureError("the answer is not one of a coordinator of this version") from None

    return decode


def nothing(_answer: Answer) -> None:
    """The decoder of answers whose body says nothing."""
