"""The dashboard and Swagger UI: files that were built into the package, and nothing else.

Open routes: the files carry no data, everything shown comes from the API. A page names its files
relative to itself, so that the same bytes work under any path prefix a proxy takes away.
"""

from __future__ import annotations

import hashlib
import re
from html import escape
from pathlib import Path

from litestar import Response, get
from litestar.params import FromPath

from tenure.api.exchange import Ask, coordinator, header
from tenure.api.security import allow
from tenure.domain.access import Permission
from tenure.domain.errors import NotFound

BUILT = Path(__file__).resolve().parent.parent / "static"
SCREENS = (
    "jobs", "workflows", "schedules", "queues", "workers", "dead", "operations", "handlers",
    "alerts", "admin", "login",
)  # fmt: skip
"""First parts of the dashboard's own paths; it alone knows the rest."""

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_CODINGS = (("br", ".br"), ("gzip", ".gz"))
_HTML = "text/html"
_NAME = re.compile(r"(?=.{1,100}$)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
"""No longer than any file's here: a file system refuses names without end with an error."""
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_FOR_EVER = "public, max-age=31536000, immutable"
_MISSING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tenure</title>
<h1>Tenure runs; its dashboard was not built</h1>
<p>It was installed from source with <code>TENURE_SKIP_UI=1</code>, or no package registry could be
reached. Install it again without, or run <code>make ui</code> in the source.</p>
<p>All else works: <a href="{{root}}api/openapi.json">the API's description</a>,
<code>tenure --help</code>.</p>
</html>
"""


def _page(request: Ask, name: str) -> Response[bytes]:
    """A page, never shown without asking again, with what it needs to know filled in."""
    path = BUILT / name
    text = path.read_text("utf-8") if path.is_file() else _MISSING
    depth = request.scope["raw_path"].count(b"/") - 1
    settings = coordinator(request).settings
    values = {
        "root": "../" * depth or "./",
        "environment": escape(settings.env or ""),
        "trace_url": escape(settings.trace_url or ""),
    }
    body = _PLACE.sub(lambda place: values.get(place[1], ""), text).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if header(request, b"if-none-match") == tag:
        return Response(b"", status_code=304, headers=headers, media_type=_HTML)
    return Response(body, headers=headers, media_type=_HTML)


@get(["/", *(f"/{screen}" for screen in SCREENS)], opt=allow(Permission.OPEN))
async def screen(request: Ask) -> Response[bytes]:
    return _page(request, "index.html")


@get([f"/{screen}/{{rest:path}}" for screen in SCREENS], opt=allow(Permission.OPEN))
async def inner_screen(request: Ask, rest: FromPath[str]) -> Response[bytes]:
    return _page(request, "index.html")


@get("/swagger", opt=allow(Permission.OPEN))
async def swagger(request: Ask) -> Response[bytes]:
    return _page(request, "swagger.html")


@get("/assets/{name:str}", opt=allow(Permission.OPEN))
async def asset(request: Ask, name: FromPath[str]) -> Response[bytes]:
    kind = _TYPES.get(Path(name).suffix)
    path = BUILT / "assets" / name
    if kind is None or not _NAME.fullmatch(name) or not path.is_file():
        raise NotFound(f"there is no file {name[:100]}")
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    accepted = header(request, b"accept-encoding") or ""
    offered = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    for coding, suffix in _CODINGS:
        packed = path.with_name(name + suffix)
        if coding in offered and packed.is_file():
            path, headers["Content-Encoding"] = packed, coding
            break
    return Response(path.read_bytes(), headers=headers, media_type=kind)


ROUTES = [screen, inner_screen, swagger, asset]
