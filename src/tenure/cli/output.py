"""Data on stdout: a table for a person at a terminal, plain text or JSON for everything else."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from tenure.telemetry.text import one_line

_WIDEST = 10_000
_LONGEST_CELL = 120
"""Characters of one cell of a drawn table; the other forms have all of them."""


class Output(StrEnum):
    """`table`: columns, drawn at a terminal and tab-separated elsewhere."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


class Printer:
    """Prints records in the chosen form; `chosen` None is a table, or JSON for one record where
    nobody looks."""

    def __init__(self, chosen: Output | None = None) -> None:
        self._chosen = chosen

    @property
    def at_terminal(self) -> bool:
        return sys.stdout.isatty()

    @property
    def machine(self) -> bool:
        """Whether JSON or CSV was asked for."""
        return self._chosen in (Output.JSON, Output.JSONL, Output.CSV)

    def rows(self, records: Iterable[Any], columns: Mapping[str, Callable[[Any], Any]]) -> None:
        """A list of Structs or mappings. `columns`: title to the value shown, for tables and CSV.

        JSON has every field. Lists are printed as they come, except JSON and drawn tables.
        """
        if self._chosen is Output.JSON:
            _write(_pretty(_builtin(list(records))))
        elif self._chosen is Output.JSONL:
            for record in records:
                _write(_compact(_builtin(record)))
        elif self._chosen is Output.CSV:
            _csv(columns, ([read(record) for read in columns.values()] for record in records))
        elif self.at_terminal:
            _table(columns, [[read(record) for read in columns.values()] for record in records])
        else:
            for line in _headed(columns, (_cells(columns, record) for record in records)):
                _write("\t".join(line))

    def stream(self, records: Iterable[Any], columns: Mapping[str, Callable[[Any], Any]]) -> None:
        """Records that come one by one, each shown before the next is waited for. JSON is one line
        each, since the list may have no end."""
        form = Output.JSONL if self._chosen is Output.JSON else self._chosen
        Printer(form).rows(_seen(records), columns)

    def record(self, record: Any, shown: Mapping[str, Any] | None = None) -> None:
        """One Struct or mapping: name and value by line at a terminal or with `-o table`.

        `shown`: what to show there instead of every field.
        """
        if self._chosen is Output.JSONL:
            _write(_compact(_builtin(record)))
        elif self._chosen is Output.CSV:
            plain = _builtin(record)
            _csv(plain, [list(plain.values())])
        elif self._chosen is Output.TABLE or (self._chosen is None and self.at_terminal):
            _pairs(shown if shown is not None else _builtin(record))
        else:
            _write(_pretty(_builtin(record)))

    def line(self, text: str, record: Any) -> None:
        """One line of text, or the record when JSON or CSV was asked for."""
        if self.machine:
            self.record(record)
        else:
            _write(text)


def _seen(records: Iterable[Any]) -> Iterator[Any]:
    for record in records:
        yield record
        sys.stdout.flush()


def cell(value: Any) -> str:
    """A value as text in one line: control characters escaped, times to the second."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return ",".join(one_line(item) for item in value)
    return one_line(_compact(_builtin(value)))


def _headed(header: Iterable[str], rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """The header once the first row is there: what fails before it prints nothing."""
    rest = iter(rows)
    first = next(rest, None)
    yield list(header)
    if first is not None:
        yield first
        yield from rest


def _cells(columns: Mapping[str, Callable[[Any], Any]], record: Any) -> list[str]:
    return [cell(read(record)) for read in columns.values()]


def _builtin(value: Any) -> Any:
    return msgspec.to_builtins(value, str_keys=True)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _write(text: str) -> None:
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def _csv(columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for row in _headed(columns, rows):
        writer.writerow([_formula_safe(value) for value in row])


def _formula_safe(value: Any) -> str:
    """Spreadsheets run cells that begin like a formula; an apostrophe makes them text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = cell(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _table(columns: Iterable[str], rows: list[list[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_cut(cell(value)), style=_style(value)) for value in row))
    # as wide as it needs: a terminal that is too narrow wraps lines, and no id is ever cut
    plain = bool(os.environ.get("NO_COLOR"))
    console = Console(
        width=_WIDEST, height=100, color_system=None if plain else "auto", highlight=False
    )
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        _write(line.rstrip())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def _pairs(fields: Mapping[str, Any]) -> None:
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        if value is not None:
            _write(f"{name:<{width}}  {cell(value)}")


_STYLES = {
    "completed": "green",
    "running": "cyan",
    "failed": "red",
    "expired": "red",
    "cancelled": "yellow",
    "lost": "red",
    "online": "green",
}


def _style(value: Any) -> str:
    return _STYLES.get(value, "") if isinstance(value, str) else ""
