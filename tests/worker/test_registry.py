from __future__ import annotations

import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tenure.domain.errors import ConfigurationError
from tenure.worker.context import Context
from tenure.worker.registry import Handler, Registry, handler, marks_of


class Picture(BaseModel):
    width: int


@dataclass
class Point:
    x: int
    y: int = 0


@handler("child", isolation="process", timeout=3, exclusive=True)
def in_child(payload: dict[str, Any]) -> None:
    """Found again by its module and name."""


def _only(function: Any) -> Handler:
    registry = Registry()
    registry.add(function)
    (found,) = registry
    return found


def test_a_decorated_function_stays_what_it_was() -> None:
    @handler("double")
    def double(payload: int) -> int:
        return payload * 2

    assert double(4) == 8
    assert [mark.name for mark in marks_of(double)] == ["double"]


def test_isolation_follows_from_the_kind_of_function() -> None:
    @handler("a")
    async def a(payload: Any) -> None: ...

    @handler("b")
    def b(payload: Any) -> None: ...

    assert (_only(a).isolation, _only(b).isolation) == ("async", "thread")


def test_options_are_kept_and_a_process_handler_knows_where_it_is() -> None:
    found = _only(in_child)
    assert (found.isolation, found.timeout, found.exclusive) == ("process", 3, True)
    assert found.origin is not None
    assert (found.origin.module, found.origin.qualname) == (__name__, "in_child")


def test_a_process_handler_of_a_file_is_found_by_the_file() -> None:
    registry = Registry()
    registry.add(in_child, file=Path("/x/work.py"))
    (found,) = registry
    assert found.origin is not None
    assert (found.origin.module, found.origin.file) == (None, "/x/work.py")


def _none() -> None: ...
def _payload(payload: int) -> None: ...
def _both(payload: int, ctx: Context) -> None: ...
def _context(ctx: Context) -> None: ...
def _bare(payload, ctx): ...  # type: ignore[no-untyped-def]
def _defaulted(payload: int, extra: int = 3) -> None: ...
def _optional_context(payload: int, ctx: Context | None = None) -> None: ...


@pytest.mark.parametrize(
    ("function", "arguments", "annotation"),
    [
        (_none, "none", Any),
        (_payload, "payload", int),
        (_both, "both", int),
        (_context, "context", Any),
        (_bare, "both", Any),
        (_defaulted, "payload", int),
    ],
)
def test_how_a_handler_wants_to_be_called(function: Any, arguments: str, annotation: Any) -> None:
    copy = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__
    )
    copy.__annotations__ = function.__annotations__
    found = _only(handler("h")(copy))
    assert found.arguments == arguments
    assert found.payload.annotation == annotation


def test_schemas_come_from_the_annotations() -> None:
    @handler("picture")
    def picture(payload: Picture) -> None: ...

    @handler("point")
    def point(payload: Point) -> None: ...

    @handler("anything")
    def anything(payload: Any) -> None: ...

    registry = Registry()
    for function in (picture, point, anything):
        registry.add(function)
    schemas = registry.schemas()
    assert schemas["picture"] is not None
    assert schemas["picture"]["properties"]["width"]["type"] == "integer"
    assert schemas["point"] is not None
    assert schemas["point"]["required"] == ["x"]
    assert schemas["anything"] is None


def test_one_function_may_serve_several_types() -> None:
    @handler("old")
    @handler("new")
    def both(payload: Any) -> None: ...

    registry = Registry()
    registry.add(both)
    assert {item.name for item in registry} == {"old", "new"}


def test_two_functions_for_one_type_are_refused_unless_told() -> None:
    @handler("same")
    def first(payload: Any) -> None: ...

    @handler("same")
    def second(payload: Any) -> None: ...

    registry = Registry()
    registry.add(first)
    with pytest.raises(ConfigurationError, match=r"two handlers for 'same'.*first.*second"):
        registry.add(second)
    registry.add(second, replace=True)
    found = registry.get("same")
    assert found is not None
    assert found.function is second


def test_scan_takes_the_marked_functions_of_a_module_once() -> None:
    module = types.ModuleType("some")

    @handler("x")
    def x(payload: Any) -> None: ...

    vars(module).update(x=x, again=x, other=len, text="x")
    registry = Registry()
    assert registry.scan(module) == 2
    assert len(registry) == 1


def _too_many(a: int, b: int, c: int) -> None: ...


@pytest.mark.parametrize(
    ("decorate", "said"),
    [
        (lambda: handler(""), "handler '': a name is"),
        (lambda: handler("two words"), "two words"),
        (lambda: handler("x", timeout=0), "timeout must"),
        (lambda: handler("x", timeout=float("nan")), "above 0"),
        (lambda: handler("x", isolation="fibre"), "isolation is"),  # type: ignore[arg-type]
        (lambda: _only(handler("x")(_too_many)), "takes 3 arguments"),
        (lambda: _only(_none), "not decorated"),
        (lambda: _only(handler("x", isolation="async")(lambda: None)), "needs an async def"),
        (lambda: _only(handler("x", isolation="process")(lambda: None)), "module level"),
    ],
)
def test_what_cannot_be_is_refused(decorate: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        decorate()


def test_annotations_that_do_not_resolve_name_the_handler() -> None:
    @handler("lost")
    def lost(payload: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ConfigurationError, match=r"'lost'.*Missing"):
        _only(lost)
