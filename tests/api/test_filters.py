"""Filters over HTTP; what each clause means is tested with the store."""

from __future__ import annotations

import pytest

from tests.api.calls import Api, fresh_queue, problem

pytestmark = pytest.mark.anyio


async def test_a_list_is_filtered(api: Api) -> None:
    queue = fresh_queue()
    first, second = await api.submit(queue, 2, payload={"user": {"id": 42}}, tags=["red"])
    [third] = await api.submit(queue, 1, delay_seconds=60)
    await api.client.post(f"/api/jobs/{second}/cancel")

    async def found(text: str, **more: str) -> list[str]:
        answer = await api.client.get("/api/jobs", params={"q": text, **more})
        assert answer.status_code == 200, answer.text
        return [job["id"] for job in answer.json()["items"]]

    assert await found(f"queue:{queue}") == [third, second, first]
    assert await found(f"queue:{queue} payload.user.id:42 not status:stopped") == [first]
    assert await found(f"queue:{queue[:-1]}*", queue=queue, status="scheduled") == [third]
    assert await found("created:<1h tag:red", queue=queue) == [second, first]
    assert await found("created:>1h", queue=queue) == []
    assert await found("", queue=queue) == [third, second, first]


async def test_pages_of_a_filter_follow_each_other(api: Api) -> None:
    queue = fresh_queue()
    ids = await api.submit(queue, 5)
    walked: list[str] = []
    after: dict[str, str] = {}
    while True:
        params = {"q": f"type:ech* queue:{queue}", "limit": "2"} | after
        page = (await api.client.get("/api/jobs", params=params)).json()
        walked += [job["id"] for job in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert walked == ids[::-1]


async def test_wrong_clauses_are_named_with_their_place(api: Api) -> None:
    answer = await api.client.get("/api/jobs", params={"q": "tag:x quue:mail created:2h"})
    told = problem(answer, 422, "invalid_input")
    assert [error["pointer"] for error in told["errors"]] == ["/q", "/q"]
    first = "character 7, 'quue:mail': unknown field, did you mean queue?"
    assert told["errors"][0]["detail"].startswith(first)
    assert told["errors"][1]["detail"].startswith("character 17, 'created:2h': ")


@pytest.mark.parametrize(
    "text",
    ["\x00", "tag:\x00", '"', "payload.'; drop:1", "x" * 2_001, "a " * 40, "tag:" + "a," * 200],
)
async def test_hostile_filters_are_refused(api: Api, text: str) -> None:
    problem(await api.client.get("/api/jobs", params={"q": text}), 422)


@pytest.mark.parametrize(
    "text",
    [
        "tag:'OR(1=1)--", "payload.a:*%*", r'"\\%_[?*"', "created:<999999999w", "priority:9999",
        "payload.$.a:1", "error:[", "name:*\U0001f600*",
        "owner:00000000-0000-0000-0000-000000000000",
    ],
)  # fmt: skip
async def test_strange_filters_find_nothing_and_break_nothing(api: Api, text: str) -> None:
    answer = await api.client.get("/api/jobs", params={"q": text, "queue": fresh_queue()})
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"] == []
