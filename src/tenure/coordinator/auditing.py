"""Reading the audit."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tenure.coordinator import cursors, queries
from tenure.domain.audit import MASK, Line, masked
from tenure.domain.query import LAST_ID
from tenure.settings import SECRETS, Settings
from tenure.store import audit as store
from tenure.store.committer import Committer
from tenure.store.reader import Reader
from tenure.wire.audit import AuditLine, AuditPage, AuditQuery
from tenure.wire.base import time_out, validate

_CREDENTIALS = re.compile(r"(?<=://)[^/@]*(?=@)|(?<=password=)[^&]*")


class Auditing:
    """Who did what. Use from one event loop."""

    def __init__(self, committer: Committer, reader: Reader) -> None:
        self._committer = committer
        self._reader = reader

    async def note(self, entry: store.Entry) -> None:
        """Write one line that no other transaction carries. Raises TooMany, Unavailable."""
        await self._committer.run(lambda unit: store.audit(unit, [entry]))

    async def list(
        self, asked: dict[str, str | None], *, limit: int | None = None, after: str | None = None
    ) -> AuditPage:
        """A page of lines, newest first; `asked` as in AuditQuery, None and "" ask for nothing.

        Raises InvalidInput.
        """
        given = {name: text for name, text in asked.items() if text}
        wanted = validate(AuditQuery, given).model_dump(exclude_none=True)
        size = queries.page_size("limit", limit)
        below = LAST_ID if after is None else cursors.to_audit(after)
        lines = await self._reader.run(lambda unit: store.newest(unit, wanted, below, size + 1))
        following = cursors.of_audit(lines[size - 1].id) if len(lines) > size else None
        head = await self._reader.run(store.head)
        return AuditPage(
            items=[_shown(line) for line in lines[:size]], next=following, head=str(head)
        )


def start_of(coordinator_id: str, settings: Settings) -> store.Entry:
    """The line that a coordinator's start leaves: the settings that are not the defaults."""
    given = settings.model_dump(mode="json", exclude_defaults=True)
    if "database_url" in given:
        given["database_url"] = _CREDENTIALS.sub(MASK, given["database_url"])
    after = masked(given, SECRETS)
    return store.Entry("coordinator.start", None, "coordinator", coordinator_id, after=after)


def _shown(line: Line) -> AuditLine:
    said = line._asdict() | {"at": time_out(line.at)}
    for name in ("before", "after"):
        said[name] = _raw(said[name])
    return AuditLine(**said)


def _raw(text: str | None) -> Any:
    return None if text is None else msgspec.Raw(text.encode())
