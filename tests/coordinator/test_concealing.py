"""Secret fields of payloads are hidden, and put back where a mask was sent back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tenure.coordinator.concealing import Concealment
from tenure.coordinator.coordinator import Coordinator
from tenure.domain.access import LOCAL_ADMIN
from tenure.domain.errors import InvalidInput
from tenure.settings import Settings
from tenure.wire.base import validate
from tenure.wire.workers import RegisterIn

pytestmark = pytest.mark.anyio

SECRET = {"type": "string", "format": "password", "writeOnly": True}
SCHEMA = {
    "properties": {
        "password": SECRET, "user": {"type": "string"}, "amount": {"type": "number"},
        "keys": {"type": "array", "items": {"properties": {"value": SECRET}}},
        "named": {"additionalProperties": {"properties": {"value": SECRET}}},
        "blob": {"writeOnly": True},
    }
}  # fmt: skip
M = '"********"'


@pytest.fixture
def concealment() -> Concealment:
    nobody: Any = None
    found = Concealment(nobody)
    found.learn(
        found.news({"login": SCHEMA, "whole": {"writeOnly": True}, "plain": {}, "no": None})
    )
    return found


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ('{"password":"p","user":"u"}', f'{{"password":{M},"user":"u"}}'),
        ('{"user": "u", "amount": 1.10}', '{"user": "u", "amount": 1.10}'),
        ('{ "amount": 1.10e2 , "password":"p"}', f'{{"amount":1.10e2,"password":{M}}}'),
        ('{"password":null}', '{"password":null}'), ('{"password":5}', f'{{"password":{M}}}'),
        ('{"pass_word":"p","PASSWORD":"q"}', f'{{"pass_word":{M},"PASSWORD":{M}}}'),
        ('{"keys":[{"value":"a","n":1.0},{"value":"b"}]}',
         f'{{"keys":[{{"value":{M},"n":1.0}},{{"value":{M}}}]}}'),
        ('{"named":{"x":{"value":"a"},"y":{}}}', f'{{"named":{{"x":{{"value":{M}}},"y":{{}}}}}}'),
        ('{"blob":{"deep":["s"]}}', f'{{"blob":{M}}}'), ('{"blob":[]}', f'{{"blob":{M}}}'),
        ('{"keys":"none"}', '{"keys":"none"}'), ("null", "null"), ("[1.10]", "[1.10]"),
        ('"text"', '"text"'), ("", ""),
    ],
)  # fmt: skip
def test_only_secrets_are_masked(concealment: Concealment, payload: str, shown: str) -> None:
    assert concealment.shown("login", payload) == shown
    assert concealment.shown("plain", payload) is payload
    assert concealment.shown("unknown", payload) is payload


def test_a_payload_that_is_a_secret_as_a_whole(concealment: Concealment) -> None:
    assert concealment.shown("whole", '{"a":1}') == M
    assert concealment.shown("whole", "null") == "null"
    assert concealment.restored("whole", M, '{"a":1}') == '{"a":1}'


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (f'{{"password":{M},"user":"new"}}', '{"password":"p","user":"new"}'),
        (f'{{"password":{M},"amount":2.50}}', '{"password":"p","amount":2.50}'),
        ('{"password":"other"}', '{"password":"other"}'), ('{"user":"x"}', '{"user":"x"}'),
        (f'{{"user":{M}}}', f'{{"user":{M}}}'), ("null", "null"),
        (f'{{"keys":[{{"value":{M}}},{{"value":"n"}}]}}',
         '{"keys":[{"value":"k0"},{"value":"n"}]}'),
    ],
)  # fmt: skip
def test_a_mask_that_comes_back_keeps_what_is_stored(
    concealment: Concealment, sent: str, kept: str
) -> None:
    stored = '{"password":"p","user":"u","keys":[{"value":"k0"},{"value":"k1"}]}'
    assert concealment.restored("login", sent, stored) == kept
    assert concealment.restored("plain", sent, stored) is sent


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        (f'{{"password":{M}}}', "/payload/password"),
        (f'{{"keys":[{{}},{{}},{{"value":{M}}}]}}', "/payload/keys/2/value"),
        (f'{{"named":{{"a/b":{{"value":{M}}}}}}}', "/payload/named/a~1b/value"),
    ],
)
def test_a_mask_for_nothing_is_refused(concealment: Concealment, sent: str, pointer: str) -> None:
    for stored in ("null", '{"keys":[{"value":"a"}]}', '{"keys":{},"named":[]}', "[]"):
        with pytest.raises(InvalidInput) as caught:
            concealment.restored("login", sent, stored)
        assert [error.pointer for error in caught.value.errors] == [pointer]
    with pytest.raises(InvalidInput):
        concealment.refuse_masks("login", sent, "/payload")
    concealment.refuse_masks("plain", sent, "/payload")


async def test_what_was_secret_once_stays_so_wherever_it_is_shown(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/t.db")
    here = Coordinator(settings)
    assert here.concealment.checks is None
    await here.start()
    for schema in (SCHEMA, {"properties": {"token": SECRET}}, None):
        asked: Any = {"name": "w", "queues": ["default"], "types": [{"name": "login"}]}
        if schema is not None:
            asked["types"][0]["schema"] = schema
        await here.fleet.register(validate(RegisterIn, asked), LOCAL_ADMIN)
    await here.stop()
    again = Coordinator(settings)
    await again.start()
    for one in (here, again):
        shown = one.concealment.shown("login", '{"password":"p","token":"t","user":"u"}')
        assert shown == f'{{"password":{M},"token":{M},"user":"u"}}'
        assert one.concealment.checks is not None
    await again.stop()
