"""What every way to tell somebody has in common."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from tenure.domain.notification import Answer

SEND_SECONDS = 20.0
"""How long one attempt may take. Less than the claim of a delivery lasts."""
_MOST = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one receiver. `id` is the same at every attempt, `body` JSON; `secrets` sign
    it, the newest first."""

    id: str
    body: str
    target: str
    secrets: tuple[str, ...] = ()


class Channel(Protocol):
    """One way."""

    async def send(self, letter: Letter, now: int) -> Answer:
        """Try once. `now` in microseconds. Never raises."""


def failed(error: BaseException) -> Answer:
    """An attempt that got no answer."""
    text = f"{type(error).__name__}: {error}".partition("\n")[0]
    return Answer(ok=False, error=text[:_MOST])


def in_words(body: str) -> tuple[str, str]:
    """(title, text) of a message, for people."""
    told: dict[str, Any] = json.loads(body)
    data: dict[str, Any] = told["data"]
    title = " ".join(f"Tenure: {told['type']} {_subject(data)}".split())
    lines = [f"at: {told['timestamp']}"]
    for name, value in data.items():
        if isinstance(value, dict):
            lines += [f"{name} {key}: {_plain(inner)}" for key, inner in value.items() if inner]
        elif value not in (None, 0):
            lines.append(f"{name}: {_plain(value)}")
    return title[:200], "\n".join(lines)


def _subject(data: dict[str, Any]) -> str:
    for value in data.values():
        if isinstance(value, dict):
            return str(value.get("name") or value.get("type") or value.get("id") or "")
    return str(data.get("rule") or "")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
