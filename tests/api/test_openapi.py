"""The document at /api/openapi.json is what the routes do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tenure.api import openapi
from tenure.api.app import ROUTES
from tests.api.conftest import EVERYBODY
from tests.api.objects import Ask, Objects, succeeding
from tests.worker.running import Running

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DOCUMENT: dict[str, Any] = json.loads(openapi.build(ROUTES))
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = [
    (method, path)
    for path, item in DOCUMENT["paths"].items()
    for method in METHODS
    if method in item
]
EXAMPLES = 20


SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
SCHEMA.config.max_stream_events = 1


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A real coordinator that asks everybody who they are."""
    directory = tmp_path_factory.mktemp("openapi")
    found = Running(directory)
    found.ask_everybody(directory)
    found.settings = found.settings.model_copy(update={"limits": EVERYBODY})
    with found:
        yield found


@pytest.fixture(scope="module")
def objects(running: Running) -> Iterator[Objects]:
    with httpx.Client(base_url=running.url, headers=_bearer(running.token), timeout=30) as http:
        yield Objects(http)


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _path(objects: Objects, path: str, asked: Ask) -> dict[str, str]:
    """The parameters of a path, of things that are there."""
    return {
        name: asked.path[name] if name in asked.path else objects.path(name)
        for name in re.findall(r"{(\w+)}", path)
    }


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(o) for o in OPERATIONS])
def test_an_operation_that_succeeds_answers_as_the_document_says(
    running: Running, objects: Objects, method: str, path: str
) -> None:
    asked = succeeding(objects, f"{method.upper()} {path}")
    body = {} if asked.body is None else {"body": asked.body, "media_type": "application/json"}
    case = SCHEMA[path][method.upper()].Case(
        path_parameters=_path(objects, path, asked), query=asked.query, **body
    )
    answer = case.call(base_url=running.url, headers=_bearer(asked.token or running.token))
    assert 200 <= answer.status_code < 300, (answer.status_code, answer.text)
    case.validate_response(answer, checks=CHECKS)


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(o) for o in OPERATIONS])
def test_whatever_the_document_allows_is_answered_as_it_says(
    running: Running, objects: Objects, method: str, path: str
) -> None:
    """Half of the paths lead to something that is there."""
    operation = SCHEMA[path][method.upper()]
    asked = succeeding(objects, f"{method.upper()} {path}")
    there = _path(objects, path, asked)
    headers = _bearer(asked.token or running.token)

    @given(case=operation.as_strategy(), known=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    def conforms(case: Any, known: bool) -> None:
        if known:
            case.path_parameters = dict(there)
        answer = case.call(base_url=running.url, headers=headers, timeout=30)
        case.validate_response(answer, checks=CHECKS)

    conforms()


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item)


def test_the_served_document_is_this_one(running: Running) -> None:
    answer = httpx.get(f"{running.url}/api/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == DOCUMENT


def test_bounds_are_said_in_words_of_json_schema() -> None:
    found = DOCUMENT["components"]["schemas"]["JobIn"]["properties"]
    assert (found["priority"]["minimum"], found["priority"]["maximum"]) == (-100, 100)
    timeout = found["timeout_seconds"]["anyOf"][0]
    assert timeout["exclusiveMinimum"] == 0
    for part in _walk(DOCUMENT["components"]):
        assert not {"ge", "gt", "le", "lt", "allow_inf_nan", "strict"} & part.keys(), part


def test_every_reference_leads_somewhere() -> None:
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    used = {part["$ref"] for part in _walk(DOCUMENT) if isinstance(part.get("$ref"), str)}
    assert used
    assert used <= known


def test_operations_have_stable_names_and_say_their_errors() -> None:
    items = DOCUMENT["paths"].values()
    names = [item[method]["operationId"] for item in items for method in METHODS if method in item]
    assert sorted(names) == sorted({str(route.operation_id) for route in ROUTES})
    for method, path in OPERATIONS:
        answers = DOCUMENT["paths"][path][method]["responses"]
        assert "application/problem+json" in answers["422"]["content"]
        assert any(status.startswith("2") for status in answers)


def test_bodies_are_described() -> None:
    body = DOCUMENT["paths"]["/api/jobs"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/JobIn"}
    batch = DOCUMENT["paths"]["/api/jobs/batch"]["post"]["requestBody"]["content"]
    assert set(batch) == {"application/json", "application/x-ndjson"}
    assert "payload" in DOCUMENT["components"]["schemas"]["JobIn"]["properties"]
