"""The files of the dashboard over HTTP; what they do is tested in a browser, in tests/ui."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tenure.api import dashboard
from tenure.api.app import create_app
from tenure.coordinator.coordinator import Coordinator
from tenure.settings import Settings
from tests.api.calls import problem

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("built_dashboard")]


@pytest.fixture(scope="module")
async def client(
    tmp_path_factory: pytest.TempPathFactory, anyio_backend: object
) -> AsyncIterator[httpx.AsyncClient]:
    """An application that is not started: files need no store."""
    url = f"sqlite:///{tmp_path_factory.mktemp('dashboard')}/tenure.db"
    app: Any = create_app(Coordinator(Settings(database_url=url)))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as found:
        yield found


DEPTHS = [
    ("/", "./"), ("/jobs", "./"), ("/jobs/", "../"), ("/jobs/0190", "../"),
    ("/workflows/0190/graph", "../../"), ("/queues/a%2Fb", "../"), ("/swagger", "./"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "root"), DEPTHS)
async def test_a_page_names_its_files_relative_to_itself(
    client: httpx.AsyncClient, path: str, root: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert f'data-root="{root}"' in answer.text
    names = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert len(names) >= 3
    assert all(name.startswith(root) for name in names)
    for name in names:
        found = await client.get(f"/{name.removeprefix(root)}")
        assert found.status_code == 200, name


async def test_a_page_knows_the_installation(tmp_path: Path) -> None:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/t.db", env='"><b>prod', trace_url="https://t/{trace_id}"
    )
    app: Any = create_app(Coordinator(settings))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1"
    ) as client:
        text = (await client.get("/jobs")).text
    assert 'data-environment="&quot;&gt;&lt;b&gt;prod"' in text
    assert 'data-trace-url="https://t/{trace_id}"' in text


async def test_a_page_is_asked_for_again_and_sent_only_when_it_changed(
    client: httpx.AsyncClient,
) -> None:
    first = await client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get("/", headers={"If-None-Match": '"x"'})).status_code == 200


async def _script(client: httpx.AsyncClient) -> str:
    found = re.search(r'src="\./(assets/main-\w+\.js)"', (await client.get("/")).text)
    assert found is not None
    return f"/{found[1]}"


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate", "gzip"), ("br", "br"), ("gzip, br;q=0.5", "br"), ("identity", None),
        ("", None),
    ],
)  # fmt: skip
async def test_files_are_kept_for_ever_and_sent_packed(
    client: httpx.AsyncClient, accepted: str, coding: str | None
) -> None:
    path = await _script(client)
    request = client.build_request("GET", path, headers={"Accept-Encoding": accepted})
    answer = await client.send(request, stream=True)
    body = b"".join([part async for part in answer.aiter_raw()])
    plain = (dashboard.BUILT / path[1:]).read_bytes()
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert len(body) < len(plain) if coding else body == plain
    if coding == "gzip":
        assert gzip.decompress(body) == plain


@pytest.mark.parametrize(
    "path",
    [
        "/assets/nothing.js", "/assets/..%2findex.html", "/assets/%2e%2e/index.html",
        "/assets/..%2f..%2fsettings.py", "/assets/.js", "/assets/main.js%00", "/assets/",
        "/elsewhere", "/favicon.ico",
        f"/assets/{'a' * 300}.js", f"/assets/{'a.' * 2_000}css",
    ],
)  # fmt: skip
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    problem(await client.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/", "/jobs/0190", "/swagger"])
async def test_without_built_files_a_page_says_so(
    client: httpx.AsyncClient, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "BUILT", tmp_path)
    answer = await client.get(path)
    assert answer.status_code == 200
    assert "was not built" in answer.text
    root = "../" if "0190" in path else "./"
    assert f'href="{root}api/openapi.json"' in answer.text
