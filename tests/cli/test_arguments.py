from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from tenure.cli.arguments import instant, payload, span
from tenure.domain.errors import InvalidInput


def test_nothing_is_null() -> None:
    assert payload([]) is None


@pytest.mark.parametrize("text", ['{"a": 1.10}', "[1,2]", '"text"', "3", "null", '{"a":"x=y"}'])
def test_json_is_kept_byte_for_byte(text: str) -> None:
    assert payload([text]) == msgspec.Raw(text.encode())


def test_pairs_make_an_object() -> None:
    assert payload(["n=3", "s=abc", "e=", "t=true", 'o={"a": [1]}', "u=a=b", 'q="3"']) == {
        "n": 3,
        "s": "abc",
        "e": "",
        "t": True,
        "o": {"a": [1]},
        "u": "a=b",
        "q": "3",
    }


def test_a_file_and_stdin_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "payload.json"
    file.write_text('{"a": 1}\n')
    assert payload([f"@{file}"]) == msgspec.Raw(b'{"a": 1}')
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"[1]\n")))
    assert payload(["-"]) == msgspec.Raw(b"[1]")


@pytest.mark.parametrize(
    "words",
    [
        ["{bad"],
        [""],
        ["NaN"],
        ["@/does/not/exist"],
        ["a=1", "b"],
        ["a=1", "a=2"],
        ["[" * 100_000],
        ["\udcff"],
    ],
)
def test_what_is_no_payload_is_refused(words: list[str]) -> None:
    with pytest.raises(InvalidInput, match="payload"):
        payload(words)


def test_times_have_a_zone_or_take_this_machines() -> None:
    assert instant("2026-01-31T08:30:00Z") == datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
    assert instant("2026-01-31 08:30").tzinfo is not None
    with pytest.raises(InvalidInput, match="tomorrow"):
        instant("tomorrow")


def test_spans_are_seconds_without_a_unit() -> None:
    assert span("90") == span("1.5m") == timedelta(seconds=90)
    with pytest.raises(InvalidInput, match="soon"):
        span("soon")
