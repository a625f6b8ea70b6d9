from __future__ import annotations

from tenure.domain import clock
from tenure.worker.logs import MAX_BYTES, MAX_LINE, MAX_LINES, LogBuffer
from tests.builders import NOW


def _texts(buffer: LogBuffer) -> list[str]:
    return [line.text for line in buffer.batch()[1]]


def test_lines_wait_until_they_are_sent() -> None:
    buffer = LogBuffer()
    buffer.append("info", "a", NOW)
    buffer.append("error", "b", NOW)
    first, lines = buffer.batch()
    assert first == 0
    assert [(line.level, line.text, line.at) for line in lines] == [
        ("info", "a", clock.rfc3339(NOW)),
        ("error", "b", clock.rfc3339(NOW)),
    ]
    buffer.append("info", "c")
    buffer.sent(first + len(lines))
    assert buffer.batch()[0] == 2
    assert _texts(buffer) == ["c"]
    buffer.sent(3)
    assert len(buffer) == 0
    assert buffer.batch() == (3, [])


def test_sending_twice_forgets_nothing_more() -> None:
    buffer = LogBuffer()
    for text in "abc":
        buffer.append("info", text)
    buffer.sent(2)
    buffer.sent(1)
    assert _texts(buffer) == ["c"]


def test_the_oldest_lines_are_dropped_and_marked_in_place() -> None:
    buffer = LogBuffer()
    for number in range(MAX_LINES + 5):
        buffer.append("info", str(number))
    first, lines = buffer.batch()
    assert first == 4
    assert lines[0].text.startswith("[5 lines dropped")
    assert lines[1].text == "5"
    buffer.sent(first + len(lines))
    assert buffer.batch()[1][0].text == str(first + len(lines))


def test_lines_dropped_while_a_batch_is_on_its_way_are_marked_later() -> None:
    buffer = LogBuffer()
    for number in range(MAX_LINES):
        buffer.append("info", str(number))
    first, lines = buffer.batch()
    for number in range(2_000):
        buffer.append("info", f"late {number}")
    buffer.sent(first + len(lines))
    later, rest = buffer.batch()
    assert later == 1_999
    assert rest[0].text.startswith("[2000 lines dropped")
    assert rest[1].text == "2000"


def test_bytes_are_bounded_too() -> None:
    buffer = LogBuffer()
    for _ in range(2 * MAX_BYTES // MAX_LINE):
        buffer.append("info", "x" * MAX_LINE)
    assert len(buffer) <= MAX_BYTES // MAX_LINE


def test_a_long_line_is_cut_and_a_batch_is_bounded() -> None:
    buffer = LogBuffer()
    for _ in range(30):
        buffer.append("info", "y" * (MAX_LINE + 7))
    first, lines = buffer.batch()
    assert first == 0
    assert lines[0].text.endswith("[7 characters cut]")
    assert 1 < len(lines) < 30


def test_text_is_made_storable_and_clear_forgets() -> None:
    buffer = LogBuffer()
    buffer.append("info", "a\0b\ud800")
    assert _texts(buffer) == ["a\ufffdb\ufffd"]
    buffer.clear()
    assert len(buffer) == 0
