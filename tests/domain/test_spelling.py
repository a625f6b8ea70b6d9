from __future__ import annotations

from tenure.domain.spelling import nearest


def test_the_nearest_word_or_nothing() -> None:
    assert nearest("quue", ["queue", "type"]) == ", did you mean queue?"
    assert nearest("zzz", ["queue", "type"]) == ""
