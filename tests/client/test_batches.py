from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.client.batches import batches, encode_specs
from tenure.client.submission import EncodedJob
from tenure.domain.errors import InvalidInput


@given(st.lists(st.binary(max_size=30)), st.integers(1, 7), st.integers(1, 50))
def test_batches_keep_order_and_bounds(bodies: list[bytes], count: int, size: int) -> None:
    jobs = [EncodedJob(body, keyed=False) for body in bodies]
    cut = list(batches(jobs, count, size))
    assert [job for batch in cut for job in batch] == jobs
    for batch in cut:
        assert 1 <= len(batch) <= count
        assert len(batch) == 1 or len(b",".join(job.body for job in batch)) <= size


@given(st.lists(st.binary(min_size=1, max_size=5), max_size=30))
def test_batches_are_as_few_as_their_order_allows(bodies: list[bytes]) -> None:
    jobs = [EncodedJob(body, keyed=False) for body in bodies]
    cut = list(batches(jobs, 4, 10**6))
    assert len(cut) == -(-len(jobs) // 4)


def test_specs_are_jobs_in_order() -> None:
    specs: list[Any] = [{"type": "a", "payload": {"n": 1}, "queue": "q"}, {"type": "b"}]
    first, second = (json.loads(job.body) for job in encode_specs(specs))
    assert (first["type"], first["payload"], first["queue"]) == ("a", {"n": 1}, "q")
    assert (second["type"], second["payload"]) == ("b", None)
    assert specs[0] == {"type": "a", "payload": {"n": 1}, "queue": "q"}


def test_a_spec_without_type_is_named() -> None:
    specs: list[Any] = [{"type": "a"}, {"payload": 1}]
    with pytest.raises(InvalidInput, match="1/type: is required"):
        encode_specs(specs)
