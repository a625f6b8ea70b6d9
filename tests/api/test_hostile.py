"""Input that means harm: always a 4xx problem that names the field, never a 5xx, never a long stop
of the loop; the same on both stores."""

from __future__ import annotations

import asyncio
import gc
import json
import re
from contextlib import asynccontextmanager
from time import thread_time
from typing import Any

import httpx
import pytest

from tenure.api.app import ROUTES as SERVED
from tests.api.calls import PROBLEM, Api, fresh_queue, pointers, problem
from tests.api.corpus import (
    BODIES,
    BY_ID,
    HUGE,
    IDS,
    MARK,
    PUBLIC,
    ROUTES,
    UNSTORABLE,
    WORKERS,
    deep_bodies,
    marked_texts,
)

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
LONGEST_STOP = 0.5
"""Seconds. 0.1 is promised; the test's own work in this loop and its collector count here too."""


def _ids(routes: dict[tuple[str, str], Any]) -> list[str]:
    return [f"{method} {path}" for method, path in routes]


class Target:
    """A job that runs and the worker that holds it, to fill the paths with."""

    def __init__(self, api: Api, job: str, worker: str) -> None:
        self._api = api
        self._job = job
        self._worker = worker

    def fill(self, text: str) -> str:
        return text.replace("{job}", self._job).replace("{worker}", self._worker)

    async def send(
        self, route: tuple[str, str], body: bytes | Any, kind: str = "application/json"
    ) -> httpx.Response:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        whole = self.fill(body.decode("latin-1")).encode("latin-1")
        return await self._api.send(route[0], self.fill(route[1]), whole, kind)


@pytest.fixture
async def target(api: Api) -> Target:
    queue = fresh_queue()
    [job_id] = await api.submit(queue)
    member = await api.register(queue)
    await member.acquire()
    return Target(api, job_id, member.id)


def _refused(answer: httpx.Response) -> None:
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])
    assert answer.headers["content-type"] == PROBLEM


@asynccontextmanager
async def _ticking(longest: float = LONGEST_STOP) -> Any:
    """The loop must go on meanwhile: its thread works for no longer than this between two ticks.

    Counted in CPU time, which other work on the machine does not stretch.
    """
    gaps: list[float] = []

    async def tick() -> None:
        before = thread_time()
        while True:
            await asyncio.sleep(0.002)
            now = thread_time()
            gaps.append(now - before)
            before = now

    gc.freeze()  # as the coordinator does at its start: what the tests hold is not its to search
    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0.01)
    try:
        yield gaps
        await asyncio.sleep(0.01)
    finally:
        ticker.cancel()
        gc.unfreeze()
    assert max(gaps) < longest, f"the loop stood still for {max(gaps):.3f} s"


@pytest.mark.parametrize("route", PUBLIC, ids=_ids(PUBLIC))
async def test_unstorable_text_is_refused_by_its_name(
    target: Target, route: tuple[str, str]
) -> None:
    for pointer, body in marked_texts(PUBLIC[route]):
        for text in UNSTORABLE:
            raw = json.dumps(body).replace(json.dumps(MARK)[1:-1], text).encode()
            answer = await target.send(route, raw)
            assert pointers(answer) == [pointer], raw


@pytest.mark.parametrize("route", PUBLIC, ids=_ids(PUBLIC))
async def test_unstorable_keys_are_refused(target: Target, route: tuple[str, str]) -> None:
    for text in UNSTORABLE:
        raw = f'{{"{text}":1}}' if isinstance(PUBLIC[route], dict) else f'[{{"{text}":1}}]'
        assert problem(await target.send(route, raw.encode()), 422)["errors"]


@pytest.mark.parametrize("route", WORKERS, ids=_ids(WORKERS))
async def test_unstorable_text_of_workers_is_cleaned_or_refused(
    target: Target, route: tuple[str, str]
) -> None:
    for _, body in marked_texts(WORKERS[route]):
        for text in (*UNSTORABLE, "\xff\xfe\x80"):
            raw = json.dumps(body).replace(json.dumps(MARK)[1:-1], text).encode("latin-1")
            answer = await target.send(route, raw)
            assert answer.status_code < 500, (raw, answer.text)
            if answer.status_code >= 400:
                _refused(answer)


@pytest.mark.parametrize("route", ROUTES, ids=_ids(ROUTES))
@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"[", b'{"a"', b"nul", b"'x'", b"\xff", b'"\xed\xa0\x80"', b"{}{}",
        b"\x00", b"\xef\xbb\xbf{}", b"{\"type\":\"\x01\"}", b"NaN", b"-Infinity", b"[1,]",
    ],
)  # fmt: skip
async def test_bodies_that_are_no_json(target: Target, route: tuple[str, str], body: bytes) -> None:
    answer = await target.send(route, body)
    if not body.strip() and route[1].endswith(("cancel", "retry", "pause", "resume")):
        assert answer.status_code in (200, 409)
    elif route in WORKERS and b"\xff" in body:
        _refused(answer)
    else:
        assert answer.status_code in (400, 422)
        _refused(answer)


@pytest.mark.parametrize("route", ROUTES, ids=_ids(ROUTES))
async def test_json_of_the_wrong_kind(target: Target, route: tuple[str, str]) -> None:
    for body in (b"null", b"1", b'"x"', b"true", b"[[]]", b"[1]", b"1e999999", b"9" * 6000):
        answer = await target.send(route, body)
        _refused(answer)
        assert answer.status_code in (400, 422)


@pytest.mark.parametrize("route", ROUTES, ids=_ids(ROUTES))
async def test_json_100_000deep_bodies(target: Target, route: tuple[str, str]) -> None:
    async with _ticking():
        for body in deep_bodies(100_000):
            _refused(await target.send(route, body))


@pytest.mark.parametrize(
    ("route", "field"),
    [
        (("POST", "/api/jobs"), field)
        for field in (
            "priority", "max_retries", "max_attempts", "delay_seconds", "timeout_seconds",
            "run_at", "expires_at", "type", "name", "queue", "tags", "on_lost",
        )
    ]
    + [(("PATCH", "/api/jobs/{job}"), field) for field in ("version", "priority", "max_retries")]
    + [(("POST", "/api/workers/register"), field) for field in ("slots", "pid", "protocol")]
    + [(("POST", "/api/jobs/acquire"), "slots"), (("POST", "/api/jobs/{job}/logs"), "from")]
    + [
        (("POST", "/api/jobs/{job}/complete"), field)
        for field in ("fence", "retry_after_seconds", "snooze_seconds")
    ],
)  # fmt: skip
async def test_numbers_beyond_64_bits_in_typed_fields(
    target: Target, route: tuple[str, str], field: str
) -> None:
    for number in HUGE:
        body = ROUTES[route] | {field: MARK}
        for name in ("scheduled_at", "script_content", "cron", "retry_until", "expires_at"):
            if name != field and isinstance(body, dict):
                body.pop(name, None)
        raw = json.dumps(body).replace(json.dumps(MARK), number).encode()
        answer = await target.send(route, raw)
        _refused(answer)
        if answer.status_code == 422:
            assert f"/{field}" in pointers(answer), raw


@pytest.mark.parametrize("route", ROUTES, ids=_ids(ROUTES))
async def test_unknown_fields_are_refused_with_the_nearest_name(
    target: Target, route: tuple[str, str]
) -> None:
    sample = ROUTES[route]
    body = dict(sample[0] if isinstance(sample, list) else sample)
    for name in ("scheduled_at", "script_content", "cron", "retry_until", "expires_at"):
        body.pop(name, None)
    known = next(name for name in ("reason", "name", "worker_id", "leases") if name in body)
    wrong = known[:-1] + "x"
    body[wrong] = body.pop(known)
    answer = await target.send(route, [body] if isinstance(sample, list) else body)
    place = f"/0/{wrong}" if isinstance(sample, list) else f"/{wrong}"
    told = problem(answer, 422)
    [named] = [item["detail"] for item in told["errors"] if item["pointer"] == place]
    assert named.endswith(f"did you mean {known}?")


@pytest.mark.parametrize("route", ROUTES, ids=_ids(ROUTES))
async def test_other_media_types(target: Target, route: tuple[str, str]) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x",
                 "application/jsonx", ""):  # fmt: skip
        problem(await target.send(route, ROUTES[route], kind), 415, "unsupported_media_type")


@pytest.mark.parametrize("route", ROUTES, ids=_ids(ROUTES))
async def test_a_body_beyond_the_limit(target: Target, route: tuple[str, str]) -> None:
    problem(await target.send(route, b" " * 9 * MIB), 413, "too_large")


@pytest.mark.parametrize("route", ROUTES, ids=_ids(ROUTES))
async def test_half_a_million_keys(target: Target, route: tuple[str, str]) -> None:
    many = b"{" + b",".join(b'"%x":1' % n for n in range(500_000)) + b"}"
    async with _ticking():
        _refused(await target.send(route, many))
    same = b"{" + b",".join([b'"name":"x"'] * 500_000) + b"}"
    async with _ticking():
        _refused(await target.send(route, same))


async def test_half_a_million_keys_in_a_payload_are_a_large_payload(api: Api) -> None:
    many = b"{" + b",".join(b'"%x":1' % n for n in range(500_000)) + b"}"
    async with _ticking():
        answer = await api.send("POST", "/api/jobs", b'{"type":"echo","payload":%s}' % many)
    problem(answer, 413, "too_large")
    assert problem(answer, 413)["errors"][0]["pointer"] == "/payload"


@pytest.mark.parametrize(
    "item",
    [
        b'{"type":"echo"}', b'{"type":"echo","tags":["%d"]}', b'{"type":"t%d","payload":{"a":1}}',
        b'{"type":"echo","priority":1000}', b'{"type":"echo","nam":%d}',
        b'{"type":"echo","name":"\\u0000"}', b'{"type":"echo","payload":"\\u0000%d"}',
        b'{"type":"echo","retry_policy":{"jitter":%d}}', b'{"type":"echo","idempotency_key":"%d"}',
    ],
)  # fmt: skip
async def test_a_batch_never_holds_the_loop(api: Api, item: bytes) -> None:
    items = [item % n if b"%d" in item else item for n in range(10_000)]
    for atomic in ("true", "false"):
        async with _ticking():
            answer = await api.send(
                "POST", f"/api/jobs/batch?atomic={atomic}", b"[" + b",".join(items) + b"]"
            )
        assert answer.status_code < 500


async def test_many_small_escapes_do_not_hold_the_loop(api: Api) -> None:
    text = b'{"type":"echo","payload":["%s"]}' % (b"\\ud83d\\ude00" * 600_000)
    async with _ticking():
        _refused(await api.send("POST", "/api/jobs", text))
    text = b'{"type":"echo","payload":["%s"]}' % (b"\\u0000" * 1_200_000)
    async with _ticking():
        _refused(await api.send("POST", "/api/jobs", text))
    text = b'{"type":"echo","payload":[%s]}' % b",".join([b'"\\u0000"'] * 700_000)
    async with _ticking():
        _refused(await api.send("POST", "/api/jobs", text))


async def test_duplicate_keys_mean_the_last(api: Api) -> None:
    queue = fresh_queue()
    body = b'{"type":"a","type":"echo","queue":"x","queue":"%s"}' % queue.encode()
    answer = await api.send("POST", "/api/jobs", body)
    assert (answer.json()["type"], answer.json()["queue"]) == ("echo", queue)


@pytest.mark.parametrize(("method", "path"), BY_ID, ids=[" ".join(item) for item in BY_ID])
async def test_ids_that_are_none(api: Api, method: str, path: str) -> None:
    body = next((body for end, body in BODIES.items() if path.endswith(end)), {"name": "n"})
    if path.endswith(("cancel", "retry", "pause", "resume", "drain")):
        body = {}
    for id_ in IDS:
        if (id_, path) == ("..", "/api/jobs/{id}/events"):
            continue  # leads to the stream of live events, which never ends
        sent = None if method in ("GET", "DELETE") else body
        answer = await api.client.request(method, path.replace("{id}", id_), json=sent)
        if answer.status_code == 405:
            continue  # `..` led to another route
        _refused(answer)
        assert answer.status_code in (404, 409, 422), (id_, answer.text)
        assert len(answer.content) < 1000


@pytest.mark.parametrize(
    "path",
    [
        "/api/jobs/{job}/runs/0", "/api/jobs/{job}/runs/-1", "/api/jobs/{job}/runs/x",
        "/api/jobs/{job}/runs/99999999999999999999999999", "/api/jobs/{job}/runs/" + "9" * 5000,
        "/api/jobs/{job}/logs?fence=99999999999999999999", "/api/jobs/{job}/logs?limit=0",
        "/api/jobs/{job}/logs?after=%00", "/api/jobs/{job}?wait=x", "/api/jobs/{job}?wait=-1",
        "/api/jobs?limit=" + "9" * 5000, "/api/jobs?page=1e5", "/api/jobs?status=%00",
        "/api/jobs?queue=%ED%A0%80x%00", "/api/workers?after=%00", "/api/workers?after=x",
"/api/autoscale?queue=%00", "/api/jobs/pending?limit=-1", "/api/jobs/next?queue=%00",
        "/api/nothing", "/api/jobs/{job}/explode", "/%00", "/api/jobs?limit=1&limit=x",
        "/api/jobs?after=" + "A" * 20_000, "/api/jobs?q=" + "%F0%9F%98%80" * 2_001,
    ],
)  # fmt: skip
async def test_queries_and_paths_that_are_wrong(api: Api, target: Target, path: str) -> None:
    answer = await api.client.get(target.fill(path))
    _refused(answer)
    assert answer.status_code in (404, 422)


def _named() -> list[tuple[str, str]]:
    """Every route that takes a name or an id in its path."""
    return [
        (str(method), path)
        for route in SERVED
        for path in sorted(route.paths)
        for method in sorted(map(str, route.http_methods))
        if "{" in path
    ]


async def test_no_name_in_a_path_is_a_fault(api: Api) -> None:
    for name in ("%00", "a%00b", "%FF", "%C0%80", "..%2F..", "x" * 300, "%F0%9F%98%80" * 100):
        for method, path in _named():
            where = re.sub(r"\{\w+:\w+\}", name, path)
            answer = await api.client.request(method, where, json={})
            assert answer.status_code < 500, (method, where[:200], answer.text)


@pytest.mark.parametrize("value", ["\xe9", "x" * 300, "", "\x7f", "a b", "a,b", '"1"', "😀"])
async def test_odd_headers_are_never_a_fault(api: Api, value: str) -> None:
    raw = value.encode()
    [job_id] = await api.submit(fresh_queue())
    for name in (b"Idempotency-Key", b"Prefer", b"If-Match", b"Accept", b"Cookie"):
        for method, path, body in (
            ("POST", "/api/jobs", {"type": "echo"}),
            ("PATCH", f"/api/jobs/{job_id}", {"priority": 1}),
        ):
            answer = await api.client.request(method, path, json=body, headers=[(name, raw)])
            assert answer.status_code < 500, (name, answer.text)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "TRACE", "BREW", "HEAD"])
async def test_methods_a_route_does_not_take(api: Api, method: str) -> None:
    answer = await api.client.request(method, "/api/stats")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    if method != "HEAD":
        problem(answer, 405, "method_not_allowed")
