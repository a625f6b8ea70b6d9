from __future__ import annotations

import pytest

from tenure.domain.trace import valid

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (TRACE, True),
        (TRACE.replace("00-", "cc-", 1), True),
        ("", False),
        (TRACE.upper(), False),
        (TRACE.replace("00-", "ff-", 1), False),
        (TRACE + "-x", False),
        (TRACE + "\n", False),
        ("00-" + "0" * 32 + "-b7ad6b7169203331-01", False),
        ("00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01", False),
    ],
)
def test_a_traceparent_as_w3c_writes_it(text: str, good: bool) -> None:
    assert valid(text) is good
