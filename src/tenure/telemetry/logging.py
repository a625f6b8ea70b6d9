"""Log lines on stderr: constant messages with bound fields, one line each that nobody can forge.

Lines of a handler carry `job_id`, and `trace_id` and `span_id` where there is a trace.

Whoever logs writes `logger.bind(job_id=...).info("job failed")`: text of users goes into fields,
where control characters are escaped, secrets masked and lengths bounded. Libraries that use the
standard `logging` module come out the same way.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal, TextIO

from loguru import logger

from tenure.telemetry import scope
from tenure.telemetry.text import one_line

if TYPE_CHECKING:
    from loguru import Message, Record

MAX_FIELD = 2_000
"""Characters of one field or message; a traceback may have ten times as many."""

_SECRET_FIELD = re.compile(r"token|secret|password|authorization|cookie|database_url", re.I)
_SECRET_TEXT = re.compile(r"(?<=://)[^\s/@]*:[^\s/@]*@|(?<=Bearer )\S+|(?<=\[parameters: ).*", re.I)
_MASK = "***"
_QUIET = ("sqlalchemy", "aiosqlite", "asyncpg", "httpx", "httpcore", "uvicorn.access", "alembic")
"""Never below warning: these would log statements with their values, headers and URLs."""
_CLEARED = (*_QUIET, "uvicorn", "uvicorn.error", "asyncio", "litestar")


def configure(
    level: str = "info", format_: Literal["text", "json"] = "text", stream: TextIO | None = None
) -> None:
    """Send everything at `level` (trace, debug, info, warning, error) and above to `stream`.

    `stream` is stderr as it is at the time of each line when None. Replaces whatever loguru and
    the root logger were set up for; may be called again.
    """
    logger.remove()
    render = _json if format_ == "json" else _text
    logger.add(
        _sink(render, stream),
        level=level.upper(),
        format="{message}",
        backtrace=False,
        diagnose=False,
        catch=True,
    )
    _intercept(level)


def _sink(render: Callable[[Record], str], stream: TextIO | None) -> Callable[[Message], None]:
    def write(message: Message) -> None:
        target = stream or sys.stderr
        try:
            target.write(render(message.record))
            target.flush()
        except (OSError, ValueError):
            return  # stderr is closed: nobody listens

    return write


class InterceptHandler(logging.Handler):
    """Hands records of the standard `logging` module to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        """One record; its logger's name becomes the line's."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = str(record.msg)
        level: str | int = record.levelno
        if record.levelname in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
            level = record.levelname
        logger.opt(exception=record.exc_info).bind(logger=record.name).log(level, text)


def _intercept(level: str) -> None:
    root = logging.getLogger()
    root.handlers = [InterceptHandler()]
    root.setLevel(logging.DEBUG if level == "trace" else level.upper())
    for name in _CLEARED:
        library = logging.getLogger(name)
        library.handlers = []
        library.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _text(record: Record) -> str:
    fields = scope.fields() | record["extra"]
    name = fields.pop("logger", record["name"])
    parts = [_at(record), f"{record['level'].name:<7}", f"{name}:", shown(record["message"])]
    parts += [f"{key}={_value(key, value)}" for key, value in fields.items()]
    line = " ".join(parts) + "\n"
    if (trace := _trace(record)) is not None:
        line += "".join(f"  | {shown(part)}\n" for part in trace.splitlines())
    return line


def _json(record: Record) -> str:
    fields = scope.fields() | record["extra"]
    line: dict[str, Any] = {
        "at": _at(record),
        "level": record["level"].name.lower(),
        "logger": fields.pop("logger", record["name"]),
        "message": _clip(_masked(record["message"])),
    }
    for key, value in fields.items():
        line.setdefault(key, _plain(key, value))
    if (trace := _trace(record)) is not None:
        line["exception"] = _masked(trace)
    return json.dumps(line) + "\n"


def _at(record: Record) -> str:
    return record["time"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _trace(record: Record) -> str | None:
    """The traceback without the values of variables."""
    caught = record["exception"]
    if caught is None or caught.type is None:
        return None
    text = "".join(traceback.format_exception(caught.type, caught.value, caught.traceback))
    return text if len(text) <= 10 * MAX_FIELD else f"...{text[-10 * MAX_FIELD :]}"


def shown(text: str) -> str:
    """`text` as one safe line: control characters escaped, secrets masked, length bounded."""
    return one_line(_clip(_masked(text)))


def _masked(text: str) -> str:
    return _SECRET_TEXT.sub(lambda m: _MASK + ("@" if m[0].endswith("@") else ""), text)


def _clip(text: str) -> str:
    return text if len(text) <= MAX_FIELD else f"{text[:MAX_FIELD]}..."


def _value(key: str, value: Any) -> str:
    plain = _plain(key, value)
    text = plain if isinstance(plain, str) else json.dumps(plain)
    text = shown(text)
    quoted = not text or any(mark in text for mark in ' ="')
    return json.dumps(text, ensure_ascii=False).replace("\\\\", "\\") if quoted else text


def _plain(key: str, value: Any) -> Any:
    """A field as JSON can hold it; whatever is neither number nor text goes by its `str`."""
    if _SECRET_FIELD.search(key) and value is not None:
        return _MASK
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(str(name), item) for name, item in list(value.items())[:50]}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(key, item) for item in list(value)[:50]]
    return _clip(_masked(str(value)))
