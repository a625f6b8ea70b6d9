"""Which parts of a payload are secret, as a handler's JSON Schema says.

A field is secret when its schema has `writeOnly: true` or `format: password`; pydantic's
SecretStr and SecretBytes give both. What holds no more certain answer is taken as secret as a
whole: a schema that refers to itself, or one too large to walk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

ANY = "*"
"""In a path: every element of an array, every name of an object."""
MAX_NODES = 20_000
MAX_PATHS = 500
_SAME_PLACE = ("anyOf", "oneOf", "allOf")
_SAME_PLACE_ONE = ("if", "then", "else", "not")
_INSIDE = ("items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "contains")

Path = tuple[str, ...]
"""Names from the top of a payload down to a secret; () is the whole payload."""
_WHOLE: Path = ()


def secret_paths(schema: Any) -> frozenset[Path]:
    """The secret parts of what a JSON Schema describes."""
    walk = _Walk(schema)
    try:
        walk.into(schema, (), frozenset())
    except _TooLargeError:
        return frozenset({_WHOLE})
    found = walk.secret | walk.loops if walk.secret else frozenset[Path]()
    return frozenset({_WHOLE}) if len(found) > MAX_PATHS else frozenset(found)


class _TooLargeError(Exception):
    """There is more of a schema than anybody writes by hand."""


class _Walk:
    def __init__(self, root: Any) -> None:
        self.secret: set[Path] = set()
        self.loops: set[Path] = set()
        self._root = root
        self._seen = 0

    def into(self, node: Any, path: Path, above: frozenset[str]) -> None:
        """Note what is secret in a part of the schema; `above`: references that led here."""
        self._seen += 1
        if self._seen > MAX_NODES or len(path) > 100:
            raise _TooLargeError
        if not isinstance(node, dict):
            return
        if node.get("writeOnly") is True or node.get("format") == "password":
            self.secret.add(path)
            return
        reference = node.get("$ref")
        if isinstance(reference, str):
            if reference in above:
                self.loops.add(path)
            else:
                self.into(_resolved(self._root, reference), path, above | {reference})
        for part in _about_itself(node):
            self.into(part, path, above)
        for name, part in _dict(node.get("properties")).items():
            self.into(part, (*path, name), above)
        for part in _about_any_member(node):
            self.into(part, (*path, ANY), above)


def _about_itself(node: dict[str, Any]) -> Iterator[Any]:
    """Schemas of the very value that `node` describes."""
    for name in _SAME_PLACE:
        yield from _list(node.get(name))
    for name in _SAME_PLACE_ONE:
        yield node.get(name)
    yield from _dict(node.get("dependentSchemas")).values()


def _about_any_member(node: dict[str, Any]) -> Iterator[Any]:
    """Schemas of members that have no name of their own."""
    for name in _INSIDE:
        yield node.get(name)
    yield from _list(node.get("prefixItems"))
    yield from _dict(node.get("patternProperties")).values()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _resolved(root: Any, reference: str) -> Any:
    """What a reference inside the document leads to; None for any other."""
    if not reference.startswith("#"):
        return None
    found = root
    for part in reference[1:].split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found


@dataclass(slots=True)
class Tree:
    """Paths as one tree. Names are compared without regard to case and underscores, because a
    model may take a field by its name and by its alias."""

    secret: bool = False
    below: dict[str, Tree] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Tree:
        root = cls()
        for path in paths:
            node = root
            for name in path:
                node = node.below.setdefault(alike(name), cls())
            node.secret = True
        return root

    def at(self, name: str) -> list[Tree]:
        """The parts that stand for a name, or for an element with ANY."""
        given = (self.below.get(alike(name)), self.below.get(ANY))
        return [tree for tree in given if tree is not None]


def alike(name: str) -> str:
    """A name as names are compared."""
    return name.replace("_", "").replace("-", "").casefold() or name


def pointer(path: Path) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join(f"/{_escaped(name)}" for name in path)


def from_pointer(text: str) -> Path:
    """The path that `pointer` wrote."""
    return tuple(_unescaped(part) for part in text.split("/")[1:])


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
