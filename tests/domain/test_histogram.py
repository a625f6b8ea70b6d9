from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.domain.clock import SECOND
from tenure.domain.histogram import BOUNDS_SECONDS, bucket, quantile


def test_bounds_grow() -> None:
    assert list(BOUNDS_SECONDS) == sorted(set(BOUNDS_SECONDS))


@pytest.mark.parametrize("index", range(len(BOUNDS_SECONDS)))
def test_a_bound_belongs_to_its_bucket(index: int) -> None:
    bound = int(BOUNDS_SECONDS[index] * SECOND)
    assert bucket(bound) == index
    assert bucket(bound + 1) == index + 1


def test_nothing_and_less_fall_into_the_first_bucket() -> None:
    assert bucket(0) == bucket(-SECOND) == 0


def test_without_counts_there_is_no_quantile() -> None:
    assert quantile({}, 0.5) is None
    assert quantile({3: 0}, 0.5) is None


@pytest.mark.parametrize(
    ("share", "index"), [(0.0, 0), (0.5, 0), (0.51, 2), (0.9, 2), (0.91, 5), (1.0, 5)]
)
def test_the_bucket_where_the_share_is_reached(share: float, index: int) -> None:
    assert quantile({5: 1, 0: 5, 2: 4}, share) == BOUNDS_SECONDS[index]


def test_beyond_the_last_bound() -> None:
    assert quantile({bucket(10**12): 1}, 0.99) == BOUNDS_SECONDS[-1]


@given(
    counts=st.dictionaries(st.integers(0, len(BOUNDS_SECONDS)), st.integers(1, 10**9), min_size=1),
    share=st.floats(0, 1),
)
def test_a_quantile_is_a_bound_that_holds_counts(counts: dict[int, int], share: float) -> None:
    last = len(BOUNDS_SECONDS) - 1
    assert quantile(counts, share) in {BOUNDS_SECONDS[min(i, last)] for i in counts}
