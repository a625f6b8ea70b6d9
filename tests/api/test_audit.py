"""The audit over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tenure.domain.access import LOCAL_ADMIN
from tenure.store.audit import Entry, audit, chain
from tests.api.calls import Api, pointers

pytestmark = pytest.mark.anyio


async def _write(api: Api, *entries: Entry) -> None:
    await api.coordinator.committer.run(lambda unit: audit(unit, list(entries)))


async def _page(api: Api, **asked: Any) -> dict[str, Any]:
    answer = await api.client.get("/api/audit", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_lines_come_newest_first_page_by_page(fresh: Api) -> None:
    assert (await _page(fresh))["items"] == []
    for number in range(5):
        await _write(
            fresh, Entry("job.delete", LOCAL_ADMIN, "job", f"j{number}", after={"n": 1.50})
        )
    first = await _page(fresh, limit=3)
    rest = await _page(fresh, limit=3, after=first["next"])
    assert rest["next"] is None
    lines = first["items"] + rest["items"]
    assert [line["id"] for line in lines] == sorted((line["id"] for line in lines), reverse=True)
    assert {line["target_id"] for line in lines} == {f"j{n}" for n in range(5)}
    line = lines[0]
    assert (line["actor"], line["actor_id"], line["role"]) == ("local", None, "admin")
    assert (line["after"], line["before"]) == ({"n": 1.5}, None)


async def test_the_head_of_the_chain_is_shown_to_be_noted(fresh: Api) -> None:
    await _write(fresh, Entry("job.delete"))
    await fresh.coordinator.committer.run(chain)
    page = await _page(fresh)
    line = page["items"][0]
    assert page["head"] == f"{line['place']}:{line['digest']}"
    assert line["place"] == 1


async def test_conditions_all_hold(fresh: Api) -> None:
    await _write(
        fresh,
        Entry("job.delete", LOCAL_ADMIN, "job", "j1"),
        Entry("login.failed", None, "user", "ann"),
    )
    cases: list[tuple[dict[str, str], int]] = [
        ({"action": "job.delete"}, 1), ({"action": "job"}, 0), ({"target": "user"}, 1),
        ({"target_id": "j1"}, 1), ({"actor": "local"}, 1), ({"address": "192.0.2.1"}, 0),
        ({"since": "2020-01-01T00:00:00Z"}, 2), ({"until": "2020-01-01T00:00:00Z"}, 0),
        ({"action": ""}, 2), ({"action": "job.delete", "target": "user"}, 0),
    ]  # fmt: skip
    for asked, count in cases:
        assert len((await _page(fresh, **asked))["items"]) == count, asked


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"since": "yesterday"}, "/since"), ({"until": "2026-01-31"}, "/until"),
        ({"limit": "0"}, "/limit"), ({"limit": "501"}, "/limit"), ({"after": "x"}, "/after"),
        ({"actor": "\0"}, "/actor"),
    ],
)  # fmt: skip
async def test_what_cannot_be_asked_is_named(
    fresh: Api, asked: dict[str, str], pointer: str
) -> None:
    assert pointers(await fresh.client.get("/api/audit", params=asked)) == [pointer]
