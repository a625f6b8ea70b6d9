from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import pytest

from tenure.cli.output import Output, Printer, cell
from tests.cli.typed import at_terminal

AT = datetime(2026, 1, 31, 8, 30, 1, 250_000, tzinfo=UTC)
RECORDS: list[dict[str, Any]] = [
    {"id": "a", "n": 1, "at": AT, "text": "x\ty"},
    {"id": "b", "n": None, "at": AT, "text": "=1+1"},
]
COLUMNS = {"id": itemgetter("id"), "n": itemgetter("n"), "text": itemgetter("text")}


def printed(capsys: pytest.CaptureFixture[str], form: Output | None, records: Any) -> str:
    Printer(form).rows(records, COLUMNS)
    return capsys.readouterr().out


def test_away_from_a_terminal_columns_are_separated_by_tabs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert printed(capsys, None, RECORDS) == "id\tn\ttext\na\t1\tx\\ty\nb\t\t=1+1\n"
    assert printed(capsys, Output.TABLE, []) == "id\tn\ttext\n"


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(printed(capsys, Output.JSON, RECORDS))
    assert told[0] == {"id": "a", "n": 1, "at": "2026-01-31T08:30:01.250000Z", "text": "x\ty"}
    assert json.loads(printed(capsys, Output.JSON, [])) == []


def test_jsonl_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, Output.JSONL, RECORDS).splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a", "b"]


def test_csv_defuses_formulas(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, Output.CSV, RECORDS) == "id,n,text\na,1,x\\ty\nb,,'=1+1\n"


def test_a_list_that_fails_at_once_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> Iterator[Any]:
        yield from (record["missing"] for record in RECORDS)

    for form in Output:
        with pytest.raises(KeyError):
            Printer(form).rows(failing(), COLUMNS)
    assert capsys.readouterr().out == ""


def test_a_record_is_json_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    Printer().record({"a": 1})
    assert json.loads(capsys.readouterr().out) == {"a": 1}
    Printer(Output.TABLE).record({"a": 1, "longer": None}, {"a": 1, "longer": "x"})
    assert capsys.readouterr().out == "a       1\nlonger  x\n"


def test_a_line_gives_way_to_json(capsys: pytest.CaptureFixture[str]) -> None:
    Printer().line("id", {"id": "x"})
    Printer(Output.JSONL).line("id", {"id": "x"})
    assert capsys.readouterr().out == 'id\n{"id":"x"}\n'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (3, "3"),
        (AT, "2026-01-31T08:30:01Z"),
        (["a", "b\n"], "a,b\\n"),
        ({"k": [1, None]}, '{"k":[1,null]}'),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
    ],
)
def test_cells(value: Any, text: str) -> None:
    assert cell(value) == text


def test_a_table_is_drawn_at_a_terminal_only() -> None:
    drawn = at_terminal("config", "show", NO_COLOR="1")
    assert "\x1b" not in drawn
    lines = drawn.splitlines()
    assert lines[0].split() == ["name", "value", "variable"]
    assert {line.index("TENURE_") for line in lines[1:]} == {lines[0].index("variable")}


def test_colours_come_unless_they_are_refused() -> None:
    assert "\x1b[1m" in at_terminal("config", "show")
    assert "\x1b" not in at_terminal("config", "show", TERM="dumb")
    assert "\x1b" not in at_terminal("config", "show", "-o", "csv")


def test_a_narrow_terminal_cuts_nothing() -> None:
    for term in ("xterm", "dumb"):
        drawn = at_terminal("config", "show", "--origin", TERM=term, COLUMNS="20")
        assert "sqlite:///tenure.db" in drawn
        assert "limits.queued_writes" in drawn
