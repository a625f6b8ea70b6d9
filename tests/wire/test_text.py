from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain.errors import InvalidInput, MalformedBody, TooDeep
from tenure.wire import text

WRONG = "must not hold NUL or lone surrogates"
storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def _refusals(body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        text.check_body(body)
    return [(error.pointer, error.detail) for error in caught.value.errors]


@given(storable)
def test_text_without_nul_and_surrogates_is_storable(value: str) -> None:
    assert not text.unstorable(value)
    assert text.clean(value) == value


@pytest.mark.parametrize("value", ["\x00", "a\x00b", "\ud800", "\udfff", "\udc00\ud800"])
def test_nul_and_surrogates_are_not(value: str) -> None:
    assert text.unstorable(value)
    assert not text.unstorable(text.clean(value))
    assert len(text.clean(value)) == len(value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"not json at all",
        '"\N{SNOWMAN}"'.encode(),
        rb'"\ud83d\ude00"',
        rb'"\uD83D\uDE00 and \\u0000 and \\ud800"',
        rb'"\\\\ud800"',
        b"[" * 100_000,
    ],
)
def test_harmless_bodies_pass(body: bytes) -> None:
    text.check_body(body)
    assert text.clean_body(body) == body


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (rb'"\u0000"', ""),
        (rb'{"name":"a\u0000b"}', "/name"),
        (rb'{"payload":{"a":[1,{"b/c~":"\ud800"}]}}', "/payload/a/1/b~1c~0"),
        (rb'["\uDC00"]', "/0"),
        (rb'["\ud83d\ud83d\ude00"]', "/0"),
        (rb'["\\\u0000"]', "/0"),
        (rb'{"a":"\u0000","a":1}', "/a"),
    ],
)
def test_the_text_that_cannot_be_stored_is_named(body: bytes, pointer: str) -> None:
    assert _refusals(body) == [(pointer, WRONG)]


def test_the_first_one_is_in_the_detail() -> None:
    with pytest.raises(InvalidInput, match=f"^a/0: {WRONG}$"):
        text.check_body(rb'{"a":["\u0000"]}')
    with pytest.raises(InvalidInput, match=f"^body: {WRONG}$"):
        text.check_body(rb'"\u0000"')


@pytest.mark.parametrize(
    ("body", "pointer"), [(rb'{"\u0000":1}', ""), (rb'{"a":{"b":1,"\ud800":1}}', "/a")]
)
def test_a_key_that_cannot_be_stored_is_refused_at_its_object(body: bytes, pointer: str) -> None:
    assert _refusals(body) == [(pointer, f"a key {WRONG}")]


def test_at_most_ten_are_named() -> None:
    assert len(_refusals(b"[" + b",".join([rb'"\u0000"'] * 50) + b"]")) == 10


def test_a_number_of_any_length_hides_nothing() -> None:
    assert _refusals(b'{"n":' + b"1" * 5000 + rb',"t":"\u0000"}') == [("/t", WRONG)]
    assert _refusals(rb'{"n":1.5e999,"t":"\u0000"}') == [("/t", WRONG)]


def test_bad_utf8_is_named_by_its_byte() -> None:
    with pytest.raises(MalformedBody, match="byte 2"):
        text.check_body(b'"a\xff"')
    with pytest.raises(MalformedBody, match="UTF-8"):
        text.check_body(b'"\xed\xa0\x80"')


def test_depth_beyond_the_decoder_is_refused_not_fatal() -> None:
    depth = 100_000
    with pytest.raises(TooDeep):
        text.check_body(b"[" * depth + rb'"\u0000"' + b"]" * depth)


def test_malformed_json_is_left_to_the_decoder_behind() -> None:
    body = rb'{"a":"\u0000"'
    text.check_body(body)
    assert text.clean_body(body) == rb'{"a":"\ufffd"'


@pytest.mark.parametrize(
    ("body", "cleaned"),
    [
        (rb'"a\u0000b"', rb'"a\ufffdb"'),
        (rb'"\ud800\ud83d\ude00\udc00"', rb'"\ufffd\ud83d\ude00\ufffd"'),
        (rb'"\\u0000 \\\u0000"', rb'"\\u0000 \\\ufffd"'),
        (rb'{ "n": 1.10,  "t":"\uDFFF" }', rb'{ "n": 1.10,  "t":"\ufffd" }'),
        (b'"a\xffb"', '"a\N{REPLACEMENT CHARACTER}b"'.encode()),
    ],
)
def test_cleaning_changes_only_what_cannot_be_stored(body: bytes, cleaned: bytes) -> None:
    assert text.clean_body(body) == cleaned


def test_cleaning_does_not_mind_depth() -> None:
    depth = 100_000
    body = b"[" * depth + rb'"\u0000"' + b"]" * depth
    assert text.clean_body(body) == body.replace(rb"\u0000", rb"\ufffd")


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [*value, *(one for item in value.values() for one in _strings(item))]
    return [one for item in value for one in _strings(item)] if isinstance(value, list) else []


@given(any_json)
def test_a_cleaned_body_always_passes_and_a_passing_one_is_clean(value: Any) -> None:
    body = json.dumps(value).encode()
    cleaned = text.clean_body(body)
    text.check_body(cleaned)
    assert not any(text.unstorable(one) for one in _strings(json.loads(cleaned)))
    if any(text.unstorable(one) for one in _strings(value)):
        assert _refusals(body)
    else:
        text.check_body(body)
        assert cleaned == body


@given(st.text(st.characters()))
def test_escape_is_undone_by_a_pointer(part: str) -> None:
    escaped = text.escape(part)
    assert "/" not in escaped
    assert escaped.replace("~1", "/").replace("~0", "~") == part
