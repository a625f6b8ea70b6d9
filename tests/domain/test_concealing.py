"""What a JSON Schema says is secret."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr
from pydantic.alias_generators import to_camel

from tenure.domain.concealing import (
    MAX_NODES,
    MAX_PATHS,
    Tree,
    from_pointer,
    pointer,
    secret_paths,
)

SECRET = {"type": "string", "format": "password", "writeOnly": True}


class Key(BaseModel):
    value: SecretStr
    note: str = ""


class Login(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    user: str
    pass_word: SecretStr
    blob: SecretBytes | None = None
    keys: list[Key] = []
    by_name: dict[str, Key] = {}
    one: Key | int = 0


def chain(**fields: Any) -> dict[str, Any]:
    """The schema of objects that hold one like themselves in `following`."""
    link = {"type": "object", "properties": {**fields, "following": {"$ref": "#/$defs/Link"}}}
    return {"$ref": "#/$defs/Link", "$defs": {"Link": link}}


def test_secrets_of_pydantic_models() -> None:
    assert secret_paths(Login.model_json_schema()) == {
        ("passWord",), ("blob",), ("keys", "*", "value"), ("byName", "*", "value"),
        ("one", "value"),
    }  # fmt: skip


def test_a_schema_that_refers_to_itself_is_hidden_from_there_on() -> None:
    assert secret_paths(chain(key=SECRET)) == {("key",), ("following",)}
    assert secret_paths(chain()) == frozenset()


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        (None, set()), (True, set()), ({}, set()), ([], set()), ({"type": "string"}, set()),
        (SECRET, {()}), ({"writeOnly": True}, {()}), ({"format": "password"}, {()}),
        ({"writeOnly": "yes"}, set()),
        ({"properties": {"a": SECRET, "b": {}}}, {("a",)}),
        ({"allOf": [{"properties": {"a": SECRET}}]}, {("a",)}),
        ({"oneOf": [{"type": "null"}, SECRET]}, {()}),
        ({"if": {}, "then": {"properties": {"a": SECRET}}}, {("a",)}),
        ({"dependentSchemas": {"x": {"properties": {"a": SECRET}}}}, {("a",)}),
        ({"items": SECRET}, {("*",)}), ({"prefixItems": [{}, SECRET]}, {("*",)}),
        ({"additionalProperties": SECRET}, {("*",)}),
        ({"patternProperties": {"^x": SECRET}}, {("*",)}),
        ({"properties": {"a/b": {"items": SECRET}}}, {("a/b", "*")}),
        ({"$ref": "#/$defs/K", "$defs": {"K": SECRET}}, {()}),
        ({"properties": {"a": {"$ref": "#/$defs/x~1y"}}, "$defs": {"x/y": SECRET}}, {("a",)}),
        ({"$ref": "https://example.org/other"}, set()), ({"$ref": "#/nowhere"}, set()),
        ({"$ref": "#"}, set()), ({"properties": {"a": SECRET, "b": {"$ref": "#"}}},
                                 {("a",), ("b", "a"), ("b", "b")}),
    ],
)  # fmt: skip
def test_what_is_secret(schema: Any, paths: set[Any]) -> None:
    assert secret_paths(schema) == paths


def test_what_is_too_large_to_walk_is_hidden_whole() -> None:
    doubling: Any = {f"D{n}": {"allOf": [{"$ref": f"#/$defs/D{n + 1}"}] * 2} for n in range(40)}
    doubling["D40"] = SECRET
    assert secret_paths({"$ref": "#/$defs/D0", "$defs": doubling}) == {()}
    many = {"properties": {f"p{n}": SECRET for n in range(MAX_PATHS + 1)}}
    assert secret_paths(many) == {()}
    wide: Any = {"properties": {f"p{n}": {} for n in range(MAX_NODES)}}
    assert secret_paths(wide) == {()}
    deep: Any = SECRET
    for _ in range(500):
        deep = {"properties": {"a": deep}}
    assert secret_paths(deep) == {()}


def test_names_are_found_in_either_spelling() -> None:
    tree = Tree.of([("passWord",), ("keys", "*", "value")])
    for name in ("passWord", "pass_word", "PASSWORD", "pass-word"):
        assert [found.secret for found in tree.at(name)] == [True]
    assert tree.at("user") == []
    [keys] = tree.at("keys")
    assert [found.at("value")[0].secret for found in keys.at("0")] == [True]


@pytest.mark.parametrize("path", [(), ("a",), ("a/b", "~", "*"), ("", "x"), ("~1",)])
def test_paths_are_written_as_pointers(path: tuple[str, ...]) -> None:
    assert from_pointer(pointer(path)) == path
