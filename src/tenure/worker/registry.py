"""Handlers: the decorator that marks a function, and the set of those a worker offers."""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar

from tenure.domain.errors import ConfigurationError
from tenure.worker.context import Context
from tenure.worker.payload import PayloadType

Isolation = Literal["auto", "async", "thread", "process"]
_MARK = "__tenure_handler__"
_NAME = re.compile(r"[A-Za-z0-9_.:/@+\-]{1,200}")
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Mark:
    """What `@handler` was given."""

    name: str
    timeout: float | None
    isolation: Isolation
    exclusive: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a child process finds the function again: a module, or a file, and the path in it."""

    module: str | None
    file: str | None
    qualname: str


@dataclass(frozen=True, slots=True)
class Handler:
    """One type a worker runs. `timeout` (seconds) holds for jobs that bring none.

    `arguments` is how it wants to be called: with nothing, the payload, the context or both.
    """

    name: str
    function: Callable[..., Any]
    isolation: Literal["async", "thread", "process"]
    timeout: float | None
    exclusive: bool
    arguments: Literal["none", "payload", "context", "both"]
    payload: PayloadType
    origin: Origin | None
    source: str


def handler(
    name: str,
    *,
    timeout: float | None = None,
    isolation: Isolation = "auto",
    exclusive: bool = False,
) -> Callable[[Function], Function]:
    """Mark a function as the handler of jobs of type `name`. It stays a plain callable.

    `timeout`: seconds, for jobs that bring none. `isolation`: `async def` runs in the worker's
    loop, `def` in a thread, `process` in a child process that can be killed. `exclusive`: the
    handler is stopped when its lease can no longer be trusted; otherwise it goes on, and the
    fence protects its result. Raises ConfigurationError for values that cannot be.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"handler {name!r}: a name is 1 to 200 letters, digits and _ . : / @ + -"
        )
    if timeout is not None and not 0 < timeout < float("inf"):
        raise ConfigurationError(f"handler {name!r}: timeout must be a number of seconds above 0")
    if isolation not in typing.get_args(Isolation):
        raise ConfigurationError(f"handler {name!r}: isolation is auto, async, thread or process")

    def mark(function: Function) -> Function:
        marks = (*getattr(function, _MARK, ()), Mark(name, timeout, isolation, exclusive))
        setattr(function, _MARK, marks)
        return function

    return mark


def marks_of(thing: object) -> tuple[Mark, ...]:
    """The marks of a decorated function, oldest first; empty for anything else."""
    marks = getattr(thing, _MARK, ())
    return marks if isinstance(marks, tuple) and callable(thing) else ()


class Registry:
    """The handlers of one worker, by type. Not for use by several threads."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._handlers.values())

    def __len__(self) -> int:
        return len(self._handlers)

    def get(self, name: str) -> Handler | None:
        return self._handlers.get(name)

    def add(
        self,
        function: Callable[..., Any],
        *,
        replace: bool = False,
        file: Path | None = None,
        source: str = "",
    ) -> None:
        """Add a decorated function under each of its names.

        `file` says that its module was loaded from a path; `source` names the target in messages.
        Raises ConfigurationError for a function without a mark, one that cannot be called as a
        handler, or a name that is taken by another function unless `replace`.
        """
        marks = marks_of(function)
        if not marks:
            raise ConfigurationError(f"{_label(function)} is not decorated with @handler")
        for mark in marks:
            known = self._handlers.get(mark.name)
            if known is not None and known.function is not function and not replace:
                raise ConfigurationError(
                    f"two handlers for {mark.name!r}: {_label(known.function)}"
                    f" and {_label(function)}"
                )
            self._handlers[mark.name] = _handler(mark, function, file, source)

    def scan(self, module: ModuleType, *, file: Path | None = None, source: str = "") -> int:
        """Add every decorated function that `module` has at its top level; how many there were."""
        found = 0
        for thing in list(vars(module).values()):
            if marks_of(thing):
                self.add(thing, file=file, source=source)
                found += 1
        return found

    def schemas(self) -> dict[str, dict[str, Any] | None]:
        """Type to JSON Schema of its payload, as sent at registration."""
        return {handler.name: handler.payload.schema() for handler in self}


def _handler(mark: Mark, function: Callable[..., Any], file: Path | None, source: str) -> Handler:
    is_async = inspect.iscoroutinefunction(function)
    isolation = mark.isolation
    if isolation == "auto":
        isolation = "async" if is_async else "thread"
    if isolation == "async" and not is_async:
        raise ConfigurationError(f"handler {mark.name!r}: isolation async needs an async def")
    if isolation == "thread" and is_async:
        raise ConfigurationError(f"handler {mark.name!r}: isolation thread needs a plain def")
    arguments, annotation = _signature(mark.name, function)
    return Handler(
        name=mark.name,
        function=function,
        isolation=isolation,
        timeout=mark.timeout,
        exclusive=mark.exclusive,
        arguments=arguments,
        payload=PayloadType(annotation),
        origin=_origin(mark.name, function, file) if isolation == "process" else None,
        source=source,
    )


def _signature(
    name: str, function: Callable[..., Any]
) -> tuple[Literal["none", "payload", "context", "both"], Any]:
    positional = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    needed = [parameter for parameter in positional if parameter.default is parameter.empty]
    if len(needed) > 2:
        raise ConfigurationError(
            f"handler {name!r} takes {len(needed)} arguments: it may take (payload, ctx)"
        )
    hints = _hints(name, function)
    first, second = ([hints.get(p.name, Any) for p in positional[:2]] + [None, None])[:2]
    if not positional:
        return "none", Any
    if first is Context:
        return "context", Any
    wants_context = len(needed) == 2 or second is Context
    return ("both" if wants_context else "payload"), first


def _hints(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigurationError(
            f"handler {name!r}: its annotations cannot be resolved ({error});"
            " the names must exist at module level"
        ) from None


def _origin(name: str, function: Callable[..., Any], file: Path | None) -> Origin:
    qualname = function.__qualname__
    if "<locals>" in qualname:
        raise ConfigurationError(
            f"handler {name!r}: isolation process needs a function at module level"
        )
    if file is not None:
        return Origin(None, str(file), qualname)
    if function.__module__ == "__main__":
        main = getattr(sys.modules["__main__"], "__file__", None)
        if main is None:
            raise ConfigurationError(f"handler {name!r}: isolation process needs a file")
        return Origin(None, str(Path(main).resolve()), qualname)
    return Origin(function.__module__, None, qualname)


def _label(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", "?")
    return f"{module}.{getattr(function, '__qualname__', repr(function))}"
