"""The session of the protocol's page, said to a real coordinator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.docs.markdown import ROOT, Block, blocks
from tests.worker.running import Running

PAGE = ROOT / "docs" / "protocol.md"
_SAID = re.compile(
    r"(?P<call>[A-Z]+ \S+)\n(?P<body>.*?)\n?\n(?P<status>\d{3})\n?(?P<answer>.*)", re.S
)
FREE = {"session_token", "waited_seconds"}
"""Fields whose values are not those of the page."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("session")) as found:
        yield found


class Session:
    """Ids of the page stand for those that the coordinator gave."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._ids: dict[str, str] = {}

    def say(self, block: Block) -> None:
        """Send what the block says, and compare what comes with what it shows."""
        said = _SAID.fullmatch(block.text)
        assert said is not None, block
        method, _, path = self._ours(said["call"]).partition(" ")
        body = json.loads(self._ours(said["body"])) if said["body"] else None
        answer = self._client.request(method, path, json=body)
        assert answer.status_code == int(said["status"]), answer.text
        if said["answer"].strip():
            self._compare(json.loads(self._ours(said["answer"])), answer.json(), "")

    def _ours(self, text: str) -> str:
        for shown, ours in self._ids.items():
            text = text.replace(shown, ours)
        return text

    def _compare(self, shown: Any, came: Any, name: str) -> None:
        if isinstance(shown, dict):
            assert shown.keys() == came.keys(), name
            for key in shown:
                self._compare(shown[key], came[key], key)
        elif isinstance(shown, list):
            assert len(shown) == len(came), name
            for one, other in zip(shown, came, strict=True):
                self._compare(one, other, name)
        elif name.endswith("_id") and shown is not None and shown not in self._ids.values():
            self._ids[shown] = came
        elif name in FREE:
            assert type(shown) is type(came), name
        else:
            assert (shown, type(shown)) == (came, type(came)), name


def test_the_session_is_what_is_said(running: Running) -> None:
    with httpx.Client(base_url=running.url, timeout=40) as client:
        submitted = client.post("/api/jobs", json={"type": "shout", "payload": "hello"})
        assert submitted.status_code == 201
        session = Session(client)
        said = blocks(PAGE, "http")
        for block in said:
            session.say(block)
        job = client.get(f"/api/jobs/{submitted.json()['id']}").json()
    assert len(said) == 7
    assert (job["status"], job["result"]) == ("completed", "HELLO")
    assert job["progress"] == {"fraction": 0.5, "message": "half"}


def test_the_page_stays_on_a_pair_of_ids() -> None:
    ids = set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", PAGE.read_text("utf-8")))
    assert len(ids) == 2
