from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from tenure.telemetry.logging import MAX_FIELD, configure


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield io.StringIO()
    logger.remove()
    root.handlers[:] = handlers
    root.setLevel(level)


def records(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_time_level_logger_message_and_fields(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    logger.bind(job_id="j1", fence=3, name="two words").info("job failed")
    line = stream.getvalue()
    at, level, rest = line.split(" ", 2)
    assert at.endswith("Z")
    assert len(at) == len("2026-01-31T08:30:00.000000Z")
    assert level == "INFO"
    assert rest.strip().endswith(': job failed job_id=j1 fence=3 name="two words"')


def test_a_json_line_is_one_object(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    logger.bind(job_id="j1", fence=3, tags=["a"], more={"k": None}).warning("job failed")
    (record,) = records(stream)
    assert (
        record.items()
        >= {
            "level": "warning",
            "message": "job failed",
            "job_id": "j1",
            "fence": 3,
            "tags": ["a"],
            "more": {"k": None},
        }.items()
    )


@pytest.mark.parametrize("form", ["text", "json"])
def test_nobody_can_forge_a_line(stream: io.StringIO, form: Any) -> None:
    configure("info", form, stream)
    evil = "x\n2026-01-01T00:00:00Z ERROR forged \x1b[31m \u2028 \u202e \r \ud800"
    logger.bind(name=evil).info("named " + evil)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert not [c for c in text[:-1] if ord(c) < 32 or c in "\u2028\u202e\ud800"]


def test_braces_in_a_message_are_not_a_template(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    logger.info("{0.__class__} {missing}")
    assert "{0.__class__} {missing}" in stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_shows_no_values_and_cannot_forge_lines(stream: io.StringIO, form: Any) -> None:
    configure("info", form, stream)

    secret = "".join(["s3", "cret"])  # the traceback quotes the source

    def broken(credential: str) -> None:
        raise ValueError("bad\nERROR forged" + credential[:0])

    try:
        broken(secret)
    except ValueError:
        logger.exception("it broke")
    text = stream.getvalue()
    assert "ValueError" in text
    assert "s3cret" not in text
    if form == "text":
        assert all(line.startswith("  | ") for line in text.splitlines()[1:])
    else:
        assert text.count("\n") == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_masked_by_name_and_by_form(stream: io.StringIO, form: Any) -> None:
    configure("info", form, stream)
    logger.bind(
        token="s3cret",
        session_token="s3cret",
        headers={"Authorization": "s3cret"},
        url="postgresql://tenure:s3cret@db/jobs",
        header="Bearer s3cret",
    ).info("connecting to postgresql://tenure:s3cret@db/jobs")
    secret = "".join(["s3", "cret"])  # the traceback quotes the source
    try:
        raise RuntimeError(f"INSERT\n[parameters: ('{secret}',)]\npostgresql://u:{secret}@h")
    except RuntimeError:
        logger.exception("failed")
    assert "s3cret" not in stream.getvalue()
    assert stream.getvalue().count("***") >= 7


def test_long_fields_are_cut(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    logger.bind(text="x" * 100_000).info("y" * 100_000)
    (record,) = records(stream)
    assert len(record["text"]) == len(record["message"]) == MAX_FIELD + 3


def test_a_field_never_hides_the_record_itself(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    logger.bind(level="none", message="other").info("said")
    (record,) = records(stream)
    assert (record["level"], record["message"]) == ("info", "said")


def test_the_level_holds_for_the_standard_library_too(stream: io.StringIO) -> None:
    configure("warning", "json", stream)
    logger.info("quiet")
    logging.getLogger("some.library").info("quiet")
    logging.getLogger("some.library").error("loud %s", "one")
    assert [(r["logger"], r["message"]) for r in records(stream)] == [("some.library", "loud one")]


def test_libraries_that_log_values_stay_at_warning(stream: io.StringIO) -> None:
    configure("debug", "json", stream)
    for name in ("sqlalchemy.engine", "httpx", "httpcore.http11", "uvicorn.access", "alembic"):
        logging.getLogger(name).info("INSERT ... %s", "value")
        logging.getLogger(name).warning("trouble")
    assert {r["message"] for r in records(stream)} == {"trouble"}


def test_handlers_of_libraries_are_replaced(stream: io.StringIO) -> None:
    own = logging.StreamHandler(io.StringIO())
    logging.getLogger("uvicorn.error").addHandler(own)
    logging.getLogger("uvicorn.error").propagate = False
    configure("info", "json", stream)
    logging.getLogger("uvicorn.error").warning("up")
    assert [r["message"] for r in records(stream)] == ["up"]


def test_a_record_that_cannot_be_formatted_is_still_logged(stream: io.StringIO) -> None:
    configure("info", "json", stream)
    logging.getLogger("x").warning("%d items", "many")
    assert [r["message"] for r in records(stream)] == ["%d items"]


def test_a_closed_stream_disturbs_nobody(stream: io.StringIO) -> None:
    configure("info", "text", stream)
    stream.close()
    logger.info("nobody listens")


def test_configuring_again_replaces_the_sink(stream: io.StringIO) -> None:
    configure("info", "json", io.StringIO())
    configure("info", "json", stream)
    logger.info("once")
    logging.getLogger("x").warning("twice")
    assert [r["message"] for r in records(stream)] == ["once", "twice"]
