"""The OpenAPI 3.1 document: routes and parameters from Litestar, bodies and answers from `wire`.

Handlers take raw bodies (payloads stay byte for byte), so each route names its models in its `opt`
and this module writes them into the document, with problem+json for every error.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pydantic
from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig

from tenure import __version__
from tenure.api.exchange import JSON, NDJSON, Answer, Ask, answer
from tenure.api.security import allow
from tenure.api.streams import EVENTS
from tenure.domain.access import Permission
from tenure.wire.base import encode
from tenure.wire.problem import MEDIA_TYPE, Problem

_REF = "#/components/schemas/{name}"
_STRING = {"type": "string"}
_ERRORS = {
    "400": "Malformed body",
    "401": "Not authenticated",
    "403": "Forbidden",
    "404": "Not found",
    "405": "Method not allowed",
    "409": "Conflict",
    "412": "Precondition failed",
    "413": "Too large",
    "415": "Unsupported media type",
    "422": "Invalid input",
    "429": "Too many requests",
    "503": "Store unavailable",
}


@get(
    "/api/openapi.json",
    operation_id="get_openapi",
    opt=allow(Permission.OPEN),
    summary="This document",
)
async def document(request: Ask) -> Answer:
    return answer(request.app.state.openapi)


ROUTES = [document]


def build(routes: list[HTTPRouteHandler]) -> bytes:
    """The document for these routes, as JSON."""
    # An app of its own describes the routes, so that the serving one has no other routes.
    config = OpenAPIConfig(title="Tenure", version=__version__)
    app = Litestar(routes, openapi_config=config, logging_config=None)
    schema: dict[str, Any] = app.openapi_schema.to_schema()
    components: dict[str, Any] = {}
    handlers = {handler.operation_id: handler for handler in routes}
    for path in schema["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and operation.get("operationId") in handlers:
                _describe(operation, handlers[operation["operationId"]].opt, components)
    _reference(Problem, components)
    schema["components"] = {"schemas": components}
    return encode(schema)


def _describe(operation: dict[str, Any], opt: dict[str, Any], components: dict[str, Any]) -> None:
    if "body" in opt:
        operation["requestBody"] = _body(opt, components)
    responses: dict[str, Any] = {}
    for status, kind in opt.get("answers", {}).items():
        content = {JSON: {"schema": _reference(kind, components)}} if kind else {}
        if "streams" in opt:
            # No schema of this version says what a stream of events is.
            content[opt["streams"]] = {} if opt["streams"] == EVENTS else {"schema": _STRING}
        responses[str(status)] = {"description": "Done", "content": content}
    if not responses:
        done = [status for status in operation["responses"] if status < "300"]
        responses = {status: {"description": "Done"} for status in done}
    for status, text in _ERRORS.items():
        content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
        responses.setdefault(status, {"description": text, "content": content})
    operation["responses"] = responses


def _body(opt: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    schema = _reference(opt["body"], components)
    content = {JSON: {"schema": schema}}
    if opt.get("many"):
        content = {
            JSON: {"schema": {"type": "array", "items": schema}},
            NDJSON: {"schema": _STRING},
        }
    return {"required": not opt.get("optional", False), "content": content}


def _reference(kind: Any, components: dict[str, Any]) -> dict[str, Any]:
    """A reference to the schema of a wire model, whose definitions go into `components`."""
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        found = kind.model_json_schema(
            by_alias=False, ref_template=_REF.replace("{name}", "{model}")
        )
        _name_bounds(found)
        components.update(found.pop("$defs", {}))
        found["additionalProperties"] = False
        components[kind.__name__] = found
        return {"$ref": _REF.format(name=kind.__name__)}
    (schema,), found = msgspec.json.schema_components([kind], ref_template=_REF)
    components.update(found)
    return dict(schema)


_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
}


def _name_bounds(schema: Any) -> None:
    """pydantic leaves bounds behind its own validators under its own names."""
    if isinstance(schema, list):
        for item in schema:
            _name_bounds(item)
    elif isinstance(schema, dict):
        for name in _BOUNDS.keys() & schema.keys():
            schema[_BOUNDS[name]] = schema.pop(name)
        for item in schema.values():
            _name_bounds(item)
