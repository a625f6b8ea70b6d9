"""Body fields of earlier systems, understood where jobs are submitted."""

from __future__ import annotations

import msgspec

from tenure.domain.errors import InvalidInput

Fields = dict[str, msgspec.Raw]

_RUN_AT = ("scheduled_at", "scheduledAt")
_SCRIPT = ("script_content", "scriptContent")
_CRON = ("cron", "cron_expr", "cronExpr", "schedule")
_ALL = frozenset((*_RUN_AT, *_SCRIPT, *_CRON))
_PYTHON = msgspec.Raw(b'"python"')


def translate(fields: Fields, pointer: str) -> None:
    """Rewrite earlier names in place: `scheduled_at` is `run_at`, `script_content` a `python` job.

    Raises InvalidInput for the names of recurring jobs, pointing at POST /api/schedules, and for a
    name given together with what it stands for.
    """
    if _ALL.isdisjoint(fields):
        return
    for name in _CRON:
        if name in fields:
            raise InvalidInput.field(
                f"{pointer}/{name}", "recurring jobs are created by POST /api/schedules"
            )
    for name in _RUN_AT:
        if name in fields:
            _refuse_both(fields, name, "run_at", pointer)
            fields["run_at"] = fields.pop(name)
    for name in _SCRIPT:
        if name in fields:
            _refuse_both(fields, name, "payload", pointer)
            script = bytes(fields.pop(name))
            fields["payload"] = msgspec.Raw(b'{"script_content":' + script + b"}")
            fields.setdefault("type", _PYTHON)


def _refuse_both(fields: Fields, name: str, stands_for: str, pointer: str) -> None:
    if stands_for in fields:
        raise InvalidInput.field(f"{pointer}/{name}", f"give {name} or {stands_for}, not both")
