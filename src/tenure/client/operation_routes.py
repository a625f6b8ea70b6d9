"""Bulk operations and dead letters as calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.client.call import Call, path, reads
from tenure.wire.base import Page, encode
from tenure.wire.deadletters import DeadLetterGroups, DeadLetters
from tenure.wire.operations import Operation, Preview

if TYPE_CHECKING:
    from tenure.client.operations import OperationFields

_operation = reads(Operation)
_operations = reads(Page[Operation])
_preview = reads(Preview)
_groups = reads(DeadLetterGroups)
_group = reads(DeadLetters)


def begin(action: str, filter: str, options: OperationFields) -> Call[Operation]:  # noqa: A002
    """Do one thing to every job of a filter."""
    body = encode({"action": action, "filter": filter, **options})
    return Call("POST", path("operations"), _operation, body)


def preview(action: str, filter: str, options: OperationFields) -> Call[Preview]:  # noqa: A002
    """Count what `begin` would meet."""
    body = encode({"action": action, "filter": filter, **options, "dry_run": True})
    return Call("POST", path("operations"), _preview, body, repeatable=True)


def operation(id_: str) -> Call[Operation]:
    """How far an operation is."""
    return Call("GET", path("operations", id_), _operation, repeatable=True)


def operations(limit: int | None) -> Call[list[Operation]]:
    """The newest operations."""
    where = path("operations", limit=limit)
    return Call("GET", where, lambda a: _operations(a).items, repeatable=True)


def abort(id_: str, reason: str | None) -> Call[Operation]:
    """Do no more of an operation."""
    body = encode({} if reason is None else {"reason": reason})
    return Call("POST", path("operations", id_, "abort"), _operation, body, repeatable=True)


def dead_letters(q: str | None, limit: int | None) -> Call[DeadLetterGroups]:
    """Failed jobs grouped by their error."""
    return Call("GET", path("dead-letters", q=q, limit=limit), _groups, repeatable=True)


def dead_letter_group(fingerprint: str) -> Call[DeadLetters]:
    """Failed jobs of one fingerprint."""
    return Call("GET", path("dead-letters", fingerprint), _group, repeatable=True)
