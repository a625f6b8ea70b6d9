from __future__ import annotations

import msgspec
import pytest

from tenure.handlers.sample import Sample, SampleFailed, sample
from tests.handlers.scenes import Told, context

pytestmark = pytest.mark.anyio


async def test_it_works_through_its_steps() -> None:
    told = Told()
    result = await sample(Sample(seconds=0.02, steps=4), context(told))
    assert result["steps"] == 4
    assert told.progress[0] == (0.25, "step 1 of 4")
    assert told.progress[-1] == (1.0, "step 4 of 4")


async def test_it_goes_on_where_an_earlier_attempt_was() -> None:
    told = Told()
    former = msgspec.Raw(b"3")
    await sample(Sample(seconds=0, steps=4), context(told, checkpoint=former))
    assert told.progress == [(1.0, "step 4 of 4")]


async def test_it_fails_when_asked_to() -> None:
    told = Told()
    with pytest.raises(SampleFailed, match="step 2"):
        await sample(Sample(seconds=0, steps=4, fail_at=2), context(told))
    assert len(told.progress) == 1


def test_it_takes_about_five_seconds_unless_told() -> None:
    assert Sample().seconds == 5
