from __future__ import annotations

import pytest

from tenure.cli.yaml import Malformed, blame, load


def test_words_are_text() -> None:
    assert load("{on: yes, off: no, at: 2026-01-31T08:30:00Z, good: true, bad: false, n: 1}") == {
        "on": "yes", "off": "no", "at": "2026-01-31T08:30:00Z", "good": True, "bad": False, "n": 1
    }  # fmt: skip


def test_what_is_wrong_is_said_in_one_line() -> None:
    with pytest.raises(Malformed) as caught:
        load("a: 1\nb: [")
    assert blame(caught.value) == ("expected the node content, but found '<stream end>' in line 2")
    assert blame(Malformed("two\n lines")) == "two lines"


@pytest.mark.parametrize("text", ["[", "a: !!python/object:os.system {}"])
def test_what_is_not_plain_data_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        load(text)
