"""Hiding the secret fields of payloads from everybody but the worker.

The other values of a payload keep their bytes. Types without secrets cost one look into a dict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tenure.coordinator.intake import CheckMasks
from tenure.domain.audit import MASK
from tenure.domain.concealing import Path, Tree, secret_paths
from tenure.domain.errors import InvalidInput
from tenure.store import concealed as store
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.wire.text import escape

News = Mapping[str, frozenset[Path]]
"""Secret fields by type."""
_MASKED = msgspec.Raw(f'"{MASK}"'.encode())
_object: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


class Concealment:
    """The secret fields of every type. Use from one event loop, the methods on text anywhere."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._paths: dict[str, frozenset[Path]] = {}
        self._trees: dict[str, Tree] = {}

    async def refresh(self) -> None:
        """Learn what other coordinators and former ones were told. Raises Unavailable."""
        found: dict[str, set[Path]] = {}
        for type_, path in await self._reader.run(store.secret_fields):
            found.setdefault(type_, set()).add(path)
        for type_, paths in found.items():
            self._learn(type_, frozenset(paths))

    def news(self, schemas: Mapping[str, Any]) -> News:
        """Secret fields that schemas of types add to what is known."""
        found = {type_: secret_paths(schema) for type_, schema in schemas.items() if schema}
        return {
            type_: more
            for type_, paths in found.items()
            if (more := paths - self._paths.get(type_, frozenset()))
        }

    def remember(self, unit: Unit, news: News) -> None:
        """Store them, in the transaction of the registration. What was secret once stays so."""
        store.add(unit, ((type_, path) for type_, paths in news.items() for path in paths))

    def learn(self, news: News) -> None:
        """They are stored: hide them from now on."""
        for type_, paths in news.items():
            self._learn(type_, paths)

    def _learn(self, type_: str, paths: Iterable[Path]) -> None:
        before = self._paths.get(type_, frozenset())
        after = before | frozenset(paths)
        if after != before:
            self._paths[type_] = after
            self._trees[type_] = Tree.of(after)

    def hides(self, type_: str) -> bool:
        """Whether a type has secret fields."""
        return type_ in self._trees

    def shown(self, type_: str, payload: str) -> str:
        """A payload as people may see it."""
        tree = self._trees.get(type_)
        if tree is None:
            return payload
        return bytes(_masked([tree], msgspec.Raw(payload.encode()))).decode()

    @property
    def checks(self) -> CheckMasks | None:
        """`refuse_masks`, where any type has secrets: others do not ask."""
        return self.refuse_masks if self._trees else None

    def refuse_masks(self, type_: str, payload: str, where: str) -> None:
        """Refuse a new payload that holds the mask of a secret: it was copied from an answer.

        Raises InvalidInput naming the place below the JSON pointer `where`.
        """
        tree = self._trees.get(type_)
        if tree is not None and MASK in payload:
            _restored([tree], msgspec.Raw(payload.encode()), None, where)

    def restored(self, type_: str, payload: str, stored: str, where: str = "/payload") -> str:
        """`payload` with each mask that stands in a secret field replaced by what is stored there.

        Raises InvalidInput naming, below `where`, a mask for which nothing is stored.
        """
        tree = self._trees.get(type_)
        if tree is None or MASK not in payload:
            return payload
        before = msgspec.Raw(stored.encode())
        return bytes(_restored([tree], msgspec.Raw(payload.encode()), before, where)).decode()


def _masked(trees: list[Tree], raw: msgspec.Raw) -> msgspec.Raw:
    text = bytes(raw).strip()
    if any(tree.secret for tree in trees):
        return raw if text == b"null" else _MASKED
    parts = _parts(text)
    if parts is None:
        return raw
    changed = False
    for place, name in _names(parts):
        below = [child for tree in trees for child in tree.at(name)]
        if below:
            before = parts[place]
            parts[place] = after = _masked(below, before)
            changed = changed or after is not before
    return msgspec.Raw(msgspec.json.encode(parts)) if changed else raw


def _restored(
    trees: list[Tree], raw: msgspec.Raw, stored: msgspec.Raw | None, where: str
) -> msgspec.Raw:
    text = bytes(raw).strip()
    if any(tree.secret for tree in trees):
        if text != bytes(_MASKED):
            return raw
        if stored is None:
            raise InvalidInput.field(where, "is the mask of a secret, give its value")
        return stored
    parts = _parts(text)
    if parts is None:
        return raw
    before = None if stored is None else _parts(bytes(stored).strip())
    for place, name in _names(parts):
        below = [child for tree in trees for child in tree.at(name)]
        if below:
            parts[place] = _restored(
                below, parts[place], _part(before, place), f"{where}/{escape(name)}"
            )
    return msgspec.Raw(msgspec.json.encode(parts))


def _parts(text: bytes) -> Any:
    """The members of an object or array, each as it came; None of anything else."""
    if text[:1] == b"{":
        return _object.decode(text)
    if text[:1] == b"[":
        return _array.decode(text)
    return None


def _names(parts: Any) -> list[tuple[Any, str]]:
    if isinstance(parts, dict):
        return [(name, name) for name in parts]
    return [(index, str(index)) for index in range(len(parts))]


def _part(parts: Any, place: Any) -> msgspec.Raw | None:
    """The stored member at the same place, if there is one."""
    if isinstance(parts, dict):
        found = parts.get(place)
    elif isinstance(parts, list) and isinstance(place, int) and place < len(parts):
        found = parts[place]
    else:
        found = None
    return found if isinstance(found, msgspec.Raw) else None
