"""Where a list goes on: opaque text that says which list it is of."""

from __future__ import annotations

import base64
import binascii
import uuid

from tenure.domain.errors import InvalidInput

_JOBS, _LOGS, _OPERATIONS, _WORKFLOWS = b"j", b"l", b"o", b"w"
_SCHEDULES, _FIRES, _AUDIT, _DELIVERIES = b"s", b"f", b"a", b"d"
_MAX_LENGTH = 100
_LARGEST = 2**63 - 1


def of_job(job_id: str) -> str:
    """The cursor of a list of jobs that goes on below `job_id`."""
    return _encode(_JOBS, uuid.UUID(job_id).bytes)


def to_job(text: str) -> str:
    """The job id inside. Raises InvalidInput for anything but a cursor of jobs."""
    return _id(_JOBS, text)


def of_operation(operation_id: str) -> str:
    """The cursor of a list of operations that goes on below this one."""
    return _encode(_OPERATIONS, uuid.UUID(operation_id).bytes)


def to_operation(text: str) -> str:
    """The id inside. Raises InvalidInput for anything but a cursor of operations."""
    return _id(_OPERATIONS, text)


def of_workflow(workflow_id: str) -> str:
    """The cursor of a list of workflows that goes on below `workflow_id`."""
    return _encode(_WORKFLOWS, uuid.UUID(workflow_id).bytes)


def to_workflow(text: str) -> str:
    """The workflow id inside. Raises InvalidInput for anything but a cursor of workflows."""
    return _id(_WORKFLOWS, text)


def of_schedule(schedule_id: str) -> str:
    """The cursor of a list of schedules that goes on below `schedule_id`."""
    return _encode(_SCHEDULES, uuid.UUID(schedule_id).bytes)


def to_schedule(text: str) -> str:
    """The schedule id inside. Raises InvalidInput for anything but a cursor of schedules."""
    return _id(_SCHEDULES, text)


def of_audit(line_id: str) -> str:
    """The cursor of the audit that goes on below this line."""
    return _encode(_AUDIT, uuid.UUID(line_id).bytes)


def to_audit(text: str) -> str:
    """The id of the line inside. Raises InvalidInput for anything but a cursor of the audit."""
    return _id(_AUDIT, text)


def of_delivery(delivery_id: str) -> str:
    """The cursor of a list of deliveries that goes on below this one."""
    return _encode(_DELIVERIES, uuid.UUID(delivery_id).bytes)


def to_delivery(text: str) -> str:
    """The id inside. Raises InvalidInput for anything but a cursor of deliveries."""
    return _id(_DELIVERIES, text)


def _id(kind: bytes, text: str) -> str:
    content = _decode(kind, text)
    if len(content) != 16:
        raise _wrong()
    return str(uuid.UUID(bytes=content))


def of_line(fence: int, index: int) -> str:
    """The cursor of a log that goes on beyond this line."""
    return _of_pair(_LOGS, fence, index)


def to_line(text: str) -> tuple[int, int]:
    """(fence, index) inside. Raises InvalidInput for anything but a cursor of a log."""
    return _to_pair(_LOGS, text)


def of_fire(nominal_at: int, stretch: int) -> str:
    """The cursor of a ledger that goes on below this row."""
    return _of_pair(_FIRES, nominal_at, stretch)


def to_fire(text: str) -> tuple[int, int]:
    """(nominal time, stretch) inside. Raises InvalidInput for anything but a cursor of a ledger."""
    return _to_pair(_FIRES, text)


def _of_pair(kind: bytes, first: int, second: int) -> str:
    return _encode(kind, b"%d.%d" % (first, second))


def _to_pair(kind: bytes, text: str) -> tuple[int, int]:
    first, _, second = _decode(kind, text).partition(b".")
    if not (first.isdigit() and second.isdigit()):
        raise _wrong()
    return _bounded(int(first)), _bounded(int(second))


def _bounded(number: int) -> int:
    if number > _LARGEST:
        raise _wrong()
    return number


def _encode(kind: bytes, content: bytes) -> str:
    return base64.urlsafe_b64encode(kind + content).rstrip(b"=").decode()


def _decode(kind: bytes, text: str) -> bytes:
    if len(text) > _MAX_LENGTH or not text.isascii():
        raise _wrong()
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _wrong() from None
    if content[:1] != kind or _encode(kind, content[1:]) != text:
        raise _wrong()
    return content[1:]


def _wrong() -> InvalidInput:
    return InvalidInput.field("after", "is not a cursor of this list, use `next` of its last page")
