from __future__ import annotations

import re

import pytest

from tenure.domain import errors
from tenure.domain.errors import FieldError, InvalidInput, TenureError, by_code


def _tree(cls: type[TenureError]) -> list[type[TenureError]]:
    children = [child for child in cls.__subclasses__() if child.__module__ == errors.__name__]
    return [cls] + [below for child in children for below in _tree(child)]


def test_every_class_has_a_code_of_its_own() -> None:
    classes = _tree(TenureError)
    found = by_code()
    assert len({cls.code for cls in classes}) == len(classes)
    assert set(found.values()) == set(classes)


@pytest.mark.parametrize("cls", _tree(TenureError))
def test_code_and_title_are_fit_to_travel(cls: type[TenureError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", cls.code)
    assert cls.title
    assert cls.title == cls.title.strip()
    assert by_code()[cls.code] is cls


def test_the_page_at_the_top_names_every_class() -> None:
    page = errors.__doc__ or ""
    here = {cls.__name__ for cls in _tree(TenureError)}
    missing = {name for name in here if name not in page}
    assert missing == set()


def test_without_a_detail_the_title_speaks() -> None:
    error = errors.LeaseLost()
    assert error.detail == str(error) == "Lease lost"
    assert error.errors == ()
    assert error.retry_after is None


def test_what_is_given_is_kept() -> None:
    wrong = FieldError("/priority", "too high")
    error = errors.TooMany("slower", errors=(wrong,), retry_after=1.5)
    assert (str(error), error.detail, error.errors, error.retry_after) == (
        "slower",
        "slower",
        (wrong,),
        1.5,
    )


@pytest.mark.parametrize(
    ("pointer", "stored", "text"),
    [
        ("queue", "/queue", "queue: is wrong"),
        ("/jobs/3/queue", "/jobs/3/queue", "jobs/3/queue: is wrong"),
        ("", "", "body: is wrong"),
    ],
)
def test_one_wrong_field(pointer: str, stored: str, text: str) -> None:
    error = InvalidInput.field(pointer, "is wrong")
    assert error.errors == (FieldError(stored, "is wrong"),)
    assert error.detail == text


def test_one_wrong_field_of_a_subclass_stays_that_class() -> None:
    assert type(errors.UnknownField.field("colour", "unknown")) is errors.UnknownField


@pytest.mark.parametrize(
    ("cls", "parent"),
    [
        (errors.LeaseLost, errors.Conflict),
        (errors.VersionConflict, errors.Conflict),
        (errors.IllegalTransition, errors.Conflict),
        (errors.JobNotFound, errors.NotFound),
        (errors.WorkerUnknown, errors.NotFound),
        (errors.TooDeep, errors.MalformedBody),
        (errors.UnknownField, errors.InvalidInput),
        (errors.IdempotencyMismatch, errors.InvalidInput),
    ],
)
def test_one_except_catches_the_family(cls: type[TenureError], parent: type[TenureError]) -> None:
    with pytest.raises(parent):
        raise cls
