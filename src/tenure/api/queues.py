"""The routes of queues and of what is set for them."""

from __future__ import annotations

from litestar import delete, get, patch, post, put
from litestar.params import FromPath

from tenure.api.exchange import (
    Answer,
    Ask,
    act,
    acting,
    answer,
    coordinator,
    header,
    model_body,
    principal_of,
)
from tenure.api.security import allow
from tenure.domain.access import Permission
from tenure.wire import queues


@get(
    "/api/queues",
    operation_id="list_queues",
    summary="Queues with their unfinished jobs and what is set for them",
    opt=allow(Permission.READ, answers={200: queues.Queues}),
)
async def list_queues(request: Ask) -> Answer:
    return answer(await coordinator(request).queueing.list(principal_of(request)))


@get(
    "/api/queues/{name:str}",
    operation_id="get_queue",
    summary="Read a queue",
    opt=allow(Permission.READ, answers={200: queues.Queue}),
)
async def get_queue(request: Ask, name: FromPath[str]) -> Answer:
    return _answer(await coordinator(request).queueing.get(name, principal_of(request)))


@put(
    "/api/queues/{name:str}",
    operation_id="replace_queue",
    summary="Set what runs at a time, a rate, or aging",
    opt=allow(Permission.ADMINISTER, body=queues.QueueEdit, answers={200: queues.Queue}),
)
async def replace(request: Ask, name: FromPath[str]) -> Answer:
    return await _edit(request, name)


@patch(
    "/api/queues/{name:str}",
    operation_id="edit_queue",
    summary="Set what runs at a time, a rate, or aging",
    opt=allow(Permission.ADMINISTER, body=queues.QueueEdit, answers={200: queues.Queue}),
)
async def edit(request: Ask, name: FromPath[str]) -> Answer:
    return await _edit(request, name)


async def _edit(request: Ask, name: str) -> Answer:
    wanted = await model_body(request, queues.QueueEdit)
    changed = await coordinator(request).queueing.edit(
        name, wanted, principal_of(request), header(request, b"if-match")
    )
    return _answer(changed)


def _answer(queue: queues.Queue) -> Answer:
    return answer(queue, headers={"ETag": f'"{queue.version}"'})


@delete(
    "/api/queues/{name:str}",
    operation_id="unset_queue",
    summary="Take away all that is set for a queue; its jobs stay",
    status_code=204,
    opt=allow(Permission.ADMINISTER),
)
async def unset(request: Ask, name: FromPath[str]) -> None:
    if_match = header(request, b"if-match")
    await coordinator(request).queueing.unset(name, principal_of(request), if_match)


@post(
    "/api/queues/{name:str}/pause",
    operation_id="pause_queue",
    summary="Start no more jobs of a queue until it is resumed",
    status_code=200,
    opt=acting(Permission.ADMINISTER, queues.Queue),
)
async def pause(request: Ask, name: FromPath[str]) -> Answer:
    return _answer(await act(request, coordinator(request).queueing.pause, name))


@post(
    "/api/queues/{name:str}/resume",
    operation_id="resume_queue",
    summary="Start jobs of a queue again",
    status_code=200,
    opt=acting(Permission.ADMINISTER, queues.Queue),
)
async def resume(request: Ask, name: FromPath[str]) -> Answer:
    return _answer(await act(request, coordinator(request).queueing.resume, name))


ROUTES = [list_queues, get_queue, replace, edit, unset, pause, resume]
