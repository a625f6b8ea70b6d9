from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from tenure.domain import clock
from tenure.domain.errors import InvalidInput, MalformedBody, TooDeep, UnknownField
from tenure.wire import base

DEEP = b"[" * 100_000 + b"]" * 100_000


class Inner(base.Input):
    at_most: int = 3


class Outer(base.Input):
    some_text: base.Text = ""
    some_word: base.Word = "w"
    run_at: base.Instant | None = None
    wait_seconds: base.Seconds = 0
    job_id: base.Id | None = None
    inner: Inner | None = None
    many: Annotated[tuple[Inner, ...], Field(max_length=50)] = ()
    needed: bool = True


class Small(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    max_size: int = 0
    raw: msgspec.Raw = msgspec.Raw(b"")


class Big(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    worker_id: str
    items: list[Small] = []
    one: Small | None = None
    labels: dict[str, int] = {}
    from_: int = msgspec.field(name="from", default=0)


BIG = msgspec.json.Decoder(Big)


def refusal(value: Any, pointer: str = "") -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        base.validate(Outer, value, pointer)
    return [(error.pointer, error.detail) for error in caught.value.errors]


def test_both_spellings() -> None:
    assert base.validate(Outer, {"some_text": "a"}).some_text == "a"
    assert base.validate(Outer, {"someText": "a"}).some_text == "a"
    assert base.validate(Outer, {"inner": {"atMost": 1}}).inner == Inner(at_most=1)


def test_both_spellings_at_once_are_one_too_many() -> None:
    twice = "given twice, in snake_case and in camelCase"
    with pytest.raises(InvalidInput) as caught:
        base.validate(Outer, {"someText": "a", "some_text": "b"})
    assert type(caught.value) is InvalidInput
    assert [e.detail for e in caught.value.errors] == [twice]


@pytest.mark.parametrize(
    ("value", "pointer", "detail"),
    [
        ({"some_txt": 1}, "/some_txt", "unknown field, did you mean some_text?"),
        ({"colour": 1}, "/colour", "unknown field"),
        ({"inner": {"at_mots": 1}}, "/inner/at_mots", "unknown field, did you mean at_most?"),
        ({"many": [{}, {"atMots": 1}]}, "/many/1/atMots", "unknown field, did you mean at_most?"),
        ({"a/b~c": 1}, "/a~1b~0c", "unknown field"),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest(
    value: dict[str, Any], pointer: str, detail: str
) -> None:
    with pytest.raises(UnknownField) as caught:
        base.validate(Outer, value)
    assert [(e.pointer, e.detail) for e in caught.value.errors] == [(pointer, detail)]
    assert caught.value.detail == f"{pointer[1:]}: {detail}"


@pytest.mark.parametrize(
    ("value", "pointer", "detail"),
    [
        ([], "", "must be an object"),
        ({"inner": 5}, "/inner", "must be an object"),
        ({"some_text": 5}, "/some_text", "must be text"),
        ({"many": {}}, "/many", "must be an array"),
        ({"inner": {"at_most": "x"}}, "/inner/at_most", None),
    ],
)
def test_wrong_types_are_told_in_words_of_json(value: Any, pointer: str, detail: str) -> None:
    (found,) = refusal(value)
    assert found[0] == pointer
    assert detail is None or found[1] == detail
    assert "dict" not in found[1]


def test_a_missing_field_is_named() -> None:
    class Needs(base.Input):
        job_type: str

    with pytest.raises(InvalidInput) as caught:
        base.validate(Needs, {})
    assert [(e.pointer, e.detail) for e in caught.value.errors] == [("/jobType", "is required")]


def test_every_wrong_field_is_named_and_the_first_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        base.validate(Outer, {"some_text": 5, "wait_seconds": -1})
    assert [e.pointer for e in caught.value.errors] == ["/some_text", "/wait_seconds"]
    assert caught.value.detail.startswith("some_text: ")


def test_at_most_twenty_are_named() -> None:
    assert len(refusal({"many": [{"at_most": "x"}] * 40})) == 20


def test_the_place_in_a_batch_comes_first() -> None:
    assert [p for p, _ in refusal({"some_text": 5}, "/3")] == ["/3/some_text"]
    assert [p for p, _ in refusal(5, "/3")] == ["/3"]


def test_a_wrong_value_is_not_repeated_in_the_error() -> None:
    assert "hunter2" not in str(refusal({"wait_seconds": "hunter2", "run_at": "hunter2"}))


@pytest.mark.parametrize("value", ["a\x00", "\ud800"])
def test_text_that_cannot_be_stored(value: str) -> None:
    expected = [("/some_text", "must not hold NUL or lone surrogates")]
    assert refusal({"some_text": value}) == expected


@pytest.mark.parametrize("word", ["a", "mail.send", "ns:a/b@c+d-e_F9", "x" * 200])
def test_words(word: str) -> None:
    assert base.validate(Outer, {"some_word": word}).some_word == word


@pytest.mark.parametrize("word", ["", " ", "a b", "a\n", "\N{SNOWMAN}", "x" * 201, "a\x00", 5])
def test_no_words(word: Any) -> None:
    assert [p for p, _ in refusal({"some_word": word})] == ["/some_word"]


@pytest.mark.parametrize(
    ("given_text", "instant"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T01:00:00.000001+01:00", 1),
        ("1970-01-01 00:00:00z", 0),
        ("0001-01-01T00:00:00Z", clock.MIN_INSTANT),
        ("9999-12-31T23:59:59Z", clock.MAX_INSTANT),
    ],
)
def test_instants(given_text: str, instant: int) -> None:
    assert base.validate(Outer, {"run_at": given_text}).run_at == instant


def test_an_instant_from_python() -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC)
    assert base.validate(Outer, {"run_at": at}).run_at == 0


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (0, "must be an RFC 3339 time"),
        (True, "must be an RFC 3339 time"),
        ("soon", "must be an RFC 3339 time"),
        ("", "must be an RFC 3339 time"),
        ("2026-13-01T00:00:00Z", "must be an RFC 3339 time"),
        ("2026-01-01T00:00:00", "needs a time zone"),
        (datetime(2026, 1, 1), "needs a time zone"),
        ("0001-01-01T00:00:00+23:00", "year 1 and year 9999"),
        ("9999-12-31T23:59:59-10:00", "year 1 and year 9999"),
    ],
)
def test_no_instants(value: Any, detail: str) -> None:
    ((pointer, told),) = refusal({"run_at": value})
    assert pointer == "/run_at"
    assert detail in told


@given(st.integers(clock.MIN_INSTANT, clock.MAX_INSTANT))
def test_an_instant_goes_out_as_it_comes_in(instant: int) -> None:
    assert base.validate(Outer, {"run_at": base.time_out(instant)}).run_at == instant
    decoded = msgspec.json.decode(base.encode(base.time_out(instant)), type=datetime)
    assert clock.from_datetime(decoded) == instant


def test_no_instant_goes_out_as_null() -> None:
    assert base.maybe_time_out(None) is None
    assert base.maybe_time_out(0) == base.time_out(0)


@pytest.mark.parametrize("seconds", [0, 0.5, 3600, base.MAX_SECONDS])
def test_seconds(seconds: float) -> None:
    assert base.validate(Outer, {"wait_seconds": seconds}).wait_seconds == seconds


@pytest.mark.parametrize(
    "seconds", [-1, base.MAX_SECONDS * 2, float("inf"), float("nan"), True, "5", None, 10**400]
)
def test_no_seconds(seconds: Any) -> None:
    assert [p for p, _ in refusal({"wait_seconds": seconds})] == ["/wait_seconds"]


@pytest.mark.parametrize("value", ["0193474a-0000-7000-8000-000000000001"])
def test_ids(value: str) -> None:
    assert base.validate(Outer, {"job_id": value}).job_id == value
    assert [p for p, _ in refusal({"job_id": value.upper()})] == ["/job_id"]


def test_a_model_cannot_change() -> None:
    model = base.validate(Outer, {})
    with pytest.raises(ValueError, match="frozen"):
        model.some_text = "b"


# Decoding ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, 1, "a", [1, {"b": 2.5}], 10**30])
def test_any_json_is_decoded(value: Any) -> None:
    assert base.decode(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nulL",
        b"NaN",
        b"-Infinity",
        b"'a'",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"{\0}\0",
    ],
)
def test_what_is_not_json(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        base.decode(body)
    with pytest.raises(MalformedBody):
        base.decode_as(BIG, body)
    with pytest.raises(MalformedBody):
        base.decode_struct(BIG, body)


@pytest.mark.parametrize(
    "body", [b'{"worker_id":"w"} {}', b'{"workerId":"w"', b'{"workerId":"w"}x']
)
def test_a_message_that_breaks_off_or_goes_on(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        base.decode_struct(BIG, body)


@pytest.mark.parametrize("body", [b'{"a":1e999}', b"-1e999", b"9" * 5000])
def test_numbers_that_python_cannot_hold(body: bytes) -> None:
    with pytest.raises(MalformedBody, match="number out of range"):
        base.decode(body)


def test_depth_is_refused() -> None:
    with pytest.raises(TooDeep):
        base.decode(DEEP)
    with pytest.raises(TooDeep):
        base.decode_as(msgspec.json.Decoder(Any), DEEP)
    body = b'{"worker_id":"w","items":[{"raw":' + DEEP + b"}]}"
    with pytest.raises(TooDeep):
        base.decode_struct(BIG, body)


def test_unstorable_text_is_refused_or_cleaned() -> None:
    body = rb'{"worker_id":"a\u0000"}'
    with pytest.raises(InvalidInput):
        base.decode(body)
    with pytest.raises(InvalidInput):
        base.decode_as(BIG, body)
    assert base.decode_struct(BIG, body).worker_id == "a\ufffd"


def test_a_typed_decoder() -> None:
    assert base.decode_as(BIG, b'{"worker_id":"w","from":3}') == Big(worker_id="w", from_=3)


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        (b"5", "", "expected `object`, got `int`"),
        (b"{}", "", "object missing required field `worker_id`"),
        (b'{"worker_id":5}', "/worker_id", "expected `str`, got `int`"),
        (
            b'{"worker_id":"w","items":[{},{"max_size":"x"}]}',
            "/items/1/max_size",
            "expected `int`, got `str`",
        ),
    ],
)
@pytest.mark.parametrize("decode", [base.decode_as, base.decode_struct])
def test_a_wrong_message_is_told_by_pointer(
    decode: Any, body: bytes, pointer: str, detail: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(BIG, body)
    assert [(e.pointer, e.detail) for e in caught.value.errors] == [(pointer, detail)]


def test_a_message_in_camel_case() -> None:
    body = b'{"workerId":"w","items":[{"maxSize":1}],"one":{"maxSize":2},"labels":{"maxSize":3}}'
    assert base.decode_struct(BIG, body) == Big(
        worker_id="w", items=[Small(max_size=1)], one=Small(max_size=2), labels={"maxSize": 3}
    )


def test_raw_values_stay_byte_for_byte_in_camel_case() -> None:
    raw = b'{ "maxSize":1.10, "a":123456789012345678901234567890 , "a":1e5}'
    found = base.decode_struct(BIG, b'{"workerId":"w","items":[{"raw":' + raw + b"}]}")
    assert bytes(found.items[0].raw) == raw


def test_raw_numbers_beyond_python_pass_in_camel_case() -> None:
    raw = b"9" * 5000
    found = base.decode_struct(BIG, b'{"workerId":"w","one":{"raw":' + raw + b"}}")
    assert found.one is not None
    assert bytes(found.one.raw) == raw


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        (b'{"workerIdd":"w"}', "/workerIdd", "unknown field, did you mean worker_id?"),
        (b'{"workerId":"w","colour":1}', "/colour", "unknown field"),
        (b'{"worker_id":"w","items":[{"a/b":1}]}', "/items/0/a~1b", "unknown field"),
        (b'{"worker_id":"w","one":{"max_sise":1}}', "/one/max_sise",
         "unknown field, did you mean max_size?"),
    ],
)  # fmt: skip
def test_an_unknown_field_of_a_message(body: bytes, pointer: str, detail: str) -> None:
    with pytest.raises(UnknownField) as caught:
        base.decode_struct(BIG, body)
    assert [(e.pointer, e.detail) for e in caught.value.errors] == [(pointer, detail)]


def test_a_field_of_a_message_given_twice() -> None:
    with pytest.raises(InvalidInput) as caught:
        base.decode_struct(BIG, b'{"worker_id":"w","workerId":"v"}')
    assert [e.pointer for e in caught.value.errors] == ["/workerId"]


def test_a_wrong_message_in_camel_case_is_told_in_snake_case() -> None:
    with pytest.raises(InvalidInput) as caught:
        base.decode_struct(BIG, b'{"workerId":"w","items":[{"maxSize":"x"}]}')
    assert [e.pointer for e in caught.value.errors] == ["/items/0/max_size"]


def test_a_list_where_an_object_belongs() -> None:
    with pytest.raises(InvalidInput):
        base.decode_struct(BIG, b'{"workerId":"w","one":[]}')
    with pytest.raises(InvalidInput):
        base.decode_struct(BIG, b'{"workerId":"w","items":{}}')


def test_nulls_are_written_out() -> None:
    page = base.Page[int](items=[1])
    assert base.encode(page) == b'{"items":[1],"next":null,"approx_total":null}'


VALID = b'{"workerId":"w\\ud83d\\ude00","items":[{"maxSize":1,"raw":{"a":[1.5,null]}}],"one":null}'


@given(place=st.integers(0, len(VALID)), cut=st.integers(0, 5), put=st.binary(max_size=5))
def test_a_damaged_body_is_refused_or_taken_never_worse(place: int, cut: int, put: bytes) -> None:
    body = VALID[:place] + put + VALID[place + cut :]
    for decode in (base.decode_struct, base.decode_as):
        try:
            assert isinstance(decode(BIG, body), Big)
        except (InvalidInput, MalformedBody) as refused:
            assert refused.detail
    try:
        base.decode(body)
    except (InvalidInput, MalformedBody) as refused:
        assert refused.detail
