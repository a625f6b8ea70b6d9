"""The few real differences between SQLite and PostgreSQL, in one small object with two instances.

Verbs never ask which database they run on; they ask their dialect for a batch, a read or an upsert.
"""

from __future__ import annotations

import re
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

_SERIALIZATION = frozenset({"40P01", "40001", "55P03"})
_BAD_VALUE_CLASSES = ("22", "23", "42", "54")

Row = Sequence[Any]
Params = Mapping[str, Any]


class Fault(Enum):
    """What a failed transaction says about running it again."""

    AGAIN = "again"
    """Deadlock, serialization, lock timeout: the whole transaction may run again."""
    VALUE = "value"
    """One of the merged callers brought something the store refuses: run caller by caller."""
    AWAY = "away"
    """The store is gone, full or read-only."""


class Dialect(ABC):
    """Answers what differs. Stateless and safe in any thread."""

    name: str

    @abstractmethod
    def batch(self, *columns: sa.ColumnClause[Any]) -> sa.Subquery:
        """Many rows as one JSON parameter named `batch`: an array of arrays, one place a column.

        A batch is one statement: sqlite3 gives up the GIL at every row of an executemany, and a
        busy loop then makes each row wait.
        """

    @abstractmethod
    def read(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        """What `rows` runs for `statement`. Build it once, where the statement is built."""

    @abstractmethod
    def rows(self, conn: sa.Connection, statement: sa.Select[Any], params: Params) -> list[Row]:
        """All rows of a statement made by `read`, in its order."""

    @abstractmethod
    def move(self, move: Move) -> Moving:
        """Delete rows of one table, append them to another and read them, as one step."""

    @abstractmethod
    def upsert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that takes ON CONFLICT."""

    @abstractmethod
    def take_alone(self, conn: sa.Connection, table: sa.Table) -> None:
        """Wait until every other transaction that has read a table is over, and let none read it
        until this one is."""

    @abstractmethod
    def fault(self, error: DBAPIError) -> Fault:
        """What a database error means for the transaction."""

    @abstractmethod
    def glob(self, column: sa.ColumnElement[Any], parts: Sequence[str]) -> sa.ColumnElement[bool]:
        """Whether text is these parts with anything between them, capitals told apart."""

    @abstractmethod
    def json_text(
        self, column: sa.ColumnElement[Any], path: Sequence[str]
    ) -> sa.ColumnElement[Any]:
        """The value at the end of a path of names in JSON text: text as it is, anything else as
        JSON; null when nothing is there or it is nested too deeply to be read."""

    @abstractmethod
    def json_get(self, column: sa.ColumnElement[Any]) -> sa.FromClause:
        """The text elements of a JSON array column, as a table with one column `value`."""


@dataclass(frozen=True)
class Move:
    """From `source` to `target` go the rows that match a batch by `matching`.

    `values` says what each column of the target gets. What moved is told in groups that share
    `shared`, each with a list for every column of `listed`, the key of the source first.
    """

    source: sa.Table
    batch: sa.Subquery
    matching: sa.ColumnElement[bool]
    target: sa.Table
    values: Mapping[str, sa.ColumnElement[Any]]
    shared: tuple[sa.Column[Any], ...]
    listed: tuple[sa.Column[Any], ...]


class Moving(ABC):
    """A prepared move."""

    def __init__(self, move: Move) -> None:
        self._shared = len(move.shared)

    @abstractmethod
    def run(self, conn: sa.Connection, params: Params) -> list[Row]:
        """Move what matches; groups in no order, as `Move` says."""

    def _groups(self, rows: Sequence[Row]) -> list[Row]:
        """Rows whose lists are still JSON text."""
        kept = self._shared
        return [(*row[:kept], *map(msgspec.json.decode, row[kept:])) for row in rows]


class _MoveInSteps(Moving):
    """Append, read, delete: the one writer sees the same rows each time."""

    def __init__(self, dialect: Dialect, move: Move) -> None:
        super().__init__(move)
        self._dialect = dialect
        matching = sa.select(*move.values.values()).join_from(
            move.batch, move.source, move.matching
        )
        self._append = sa.insert(move.target).from_select(list(move.values), matching)
        lists = [sa.func.json_group_array(column) for column in move.listed]
        self._read = dialect.read(
            sa.select(*move.shared, *lists)
            .join_from(move.batch, move.source, move.matching)
            .group_by(*move.shared)
        )
        keys = sa.func.json_each(sa.bindparam("keys", type_=sa.Text())).table_valued("value")
        self._delete = sa.delete(move.source).where(move.listed[0].in_(sa.select(keys.c.value)))

    def run(self, conn: sa.Connection, params: Params) -> list[Row]:
        conn.execute(self._append, params)
        found = self._groups(self._dialect.rows(conn, self._read, params))
        if found:
            keys = [key for group in found for key in group[self._shared]]
            conn.execute(self._delete, {"keys": msgspec.json.encode(keys).decode()})
        return found


class _MoveAtOnce(Moving):
    """One statement: the DELETE locks, the INSERT takes what it returned."""

    def __init__(self, move: Move) -> None:
        super().__init__(move)
        values = [value.label(name) for name, value in move.values.items()]
        told = [*move.shared, *move.listed]
        read = [column.label(f"read_{place}") for place, column in enumerate(told)]
        gone = sa.delete(move.source).where(move.matching).returning(*values, *read).cte("gone")
        append = sa.insert(move.target).from_select(
            list(move.values), sa.select(*(gone.c[name] for name in move.values))
        )
        shared = [gone.c[column.name] for column in read[: self._shared]]
        lists = [
            sa.cast(sa.func.json_agg(gone.c[column.name]), sa.Text())
            for column in read[self._shared :]
        ]
        self._statement = (
            sa.select(*shared, *lists).group_by(*shared).add_cte(append.cte("appended"))
        )

    def run(self, conn: sa.Connection, params: Params) -> list[Row]:
        return self._groups(conn.execute(self._statement, params).all())


class _Sqlite(Dialect):
    name = "sqlite"

    def batch(self, *columns: sa.ColumnClause[Any]) -> sa.Subquery:
        source = sa.func.json_each(sa.bindparam("batch", type_=sa.Text())).table_valued("value")
        picked = [
            sa.literal_column(
                "value" if len(columns) == 1 else f"json_extract(value, '$[{place}]')", column.type
            ).label(column.name)
            for place, column in enumerate(columns)
        ]
        return sa.select(*picked).select_from(source).subquery("batch")

    def read(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        # One row out: every further row would hand the GIL over once more (ADR 0004).
        inner = statement.subquery("found")
        return sa.select(sa.func.json_group_array(sa.func.json_array(*inner.c)))

    def rows(self, conn: sa.Connection, statement: sa.Select[Any], params: Params) -> list[Row]:
        found: list[Row] = msgspec.json.decode(conn.execute(statement, params).scalar_one())
        return found

    def move(self, move: Move) -> Moving:
        return _MoveInSteps(self, move)

    def upsert(self, table: sa.Table) -> sqlite.Insert:
        return sqlite.insert(table)

    def take_alone(self, conn: sa.Connection, table: sa.Table) -> None:
        """Every transaction that writes is alone."""

    def fault(self, error: DBAPIError) -> Fault:
        original = error.orig
        if isinstance(original, sqlite3.OperationalError | sqlite3.InternalError):
            word = str(original)
            if "locked" in word or "busy" in word:
                return Fault.AGAIN
            syntax = "no such" in word or "syntax" in word or "malformed JSON" in word
            return Fault.VALUE if syntax else Fault.AWAY
        corrupt = type(original) is sqlite3.DatabaseError
        return Fault.AWAY if corrupt else Fault.VALUE

    def glob(self, column: sa.ColumnElement[Any], parts: Sequence[str]) -> sa.ColumnElement[bool]:
        pattern = "*".join(re.sub(r"([\[?*])", r"[\1]", part) for part in parts)
        return column.bool_op("GLOB")(sa.literal(pattern, sa.Text()))

    def json_text(
        self, column: sa.ColumnElement[Any], path: Sequence[str]
    ) -> sa.ColumnElement[Any]:
        where = sa.literal("$" + "".join(f'."{name}"' for name in path), sa.Text())
        return sa.case(
            (sa.func.json_valid(column) == 0, sa.null()),
            (sa.func.json_type(column, where) == "text", sa.func.json_extract(column, where)),
            else_=column.op("->")(where),
        )

    def json_get(self, column: sa.ColumnElement[Any]) -> sa.FromClause:
        return sa.func.json_each(column).table_valued("value", name="element")


class _Postgres(Dialect):
    name = "postgresql"

    def batch(self, *columns: sa.ColumnClause[Any]) -> sa.Subquery:
        parameter = sa.cast(sa.bindparam("batch", type_=sa.Text()), postgresql.JSONB())
        source = sa.func.jsonb_array_elements(parameter).table_valued("value")
        compiler = postgresql.dialect()  # type: ignore[no-untyped-call]

        def taken(place: int) -> str:
            return "value #>> '{}'" if len(columns) == 1 else f"value ->> {place}"

        picked = [
            sa.literal_column(
                f"CAST({taken(place)} AS {column.type.compile(compiler)})", column.type
            ).label(column.name)
            for place, column in enumerate(columns)
        ]
        return sa.select(*picked).select_from(source).subquery("batch")

    def read(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        return statement

    def rows(self, conn: sa.Connection, statement: sa.Select[Any], params: Params) -> list[Row]:
        return list(conn.execute(statement, params).all())

    def move(self, move: Move) -> Moving:
        return _MoveAtOnce(move)

    def upsert(self, table: sa.Table) -> postgresql.Insert:
        return postgresql.insert(table)

    def take_alone(self, conn: sa.Connection, table: sa.Table) -> None:
        conn.exec_driver_sql(f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE")

    def fault(self, error: DBAPIError) -> Fault:
        state = getattr(error.orig, "sqlstate", None) or ""
        if error.connection_invalidated or not state:
            return Fault.AWAY
        if state in _SERIALIZATION:
            return Fault.AGAIN
        return Fault.VALUE if state[:2] in _BAD_VALUE_CLASSES else Fault.AWAY

    def glob(self, column: sa.ColumnElement[Any], parts: Sequence[str]) -> sa.ColumnElement[bool]:
        pattern = "%".join(re.sub(r"([\\%_])", r"\\\1", part) for part in parts)
        return column.like(sa.literal(pattern, sa.Text()), escape="\\")

    def json_text(
        self, column: sa.ColumnElement[Any], path: Sequence[str]
    ) -> sa.ColumnElement[Any]:
        node: sa.ColumnElement[Any] = sa.cast(column, postgresql.JSON())
        for name in path:
            node = node.op("->", return_type=postgresql.JSON())(sa.literal(name, sa.Text()))
        whole: sa.ColumnClause[Any] = sa.literal_column("'{}'::text[]")
        return sa.case(
            (sa.func.json_typeof(node) == "string", node.op("#>>", return_type=sa.Text())(whole)),
            else_=sa.cast(node, sa.Text()),
        )

    def json_get(self, column: sa.ColumnElement[Any]) -> sa.FromClause:
        return sa.func.json_array_elements_text(sa.cast(column, postgresql.JSON())).table_valued(
            "value", name="element"
        )


SQLITE: Dialect = _Sqlite()
POSTGRES: Dialect = _Postgres()
