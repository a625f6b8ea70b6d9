from __future__ import annotations

import json
from dataclasses import replace

from tenure.domain.job import DEFAULT_OPTIONS, OnLost
from tenure.domain.retry import RetryPolicy, Strategy
from tenure.store.options import decode_options, encode_options
from tests.builders import NOW


def test_the_defaults_take_no_place() -> None:
    assert encode_options(DEFAULT_OPTIONS) is None
    assert decode_options(None) is DEFAULT_OPTIONS


def test_rules_come_back_as_they_were() -> None:
    options = replace(
        DEFAULT_OPTIONS,
        max_attempts=7,
        retry_policy=RetryPolicy(Strategy.LINEAR, 1.5, 1.0, 60.0, 0.0),
        retry_until=NOW,
        timeout_seconds=0.25,
        on_lost=OnLost.FAIL,
        run_at=NOW,
        expires_at=NOW + 1,
    )
    text = encode_options(options)
    assert text is not None
    assert decode_options(text) == options
    assert json.loads(text)["max_attempts"] == 7
