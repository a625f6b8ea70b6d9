"""What transactions tell the metrics."""

from __future__ import annotations

from collections import Counter

from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.run import Outcome
from tenure.domain.scheduling import Misfire
from tenure.store.fires import fire
from tenure.store.measured import SUM, Measured
from tenure.store.reports import report as settle
from tenure.store.sweeps import sweep
from tests.builders import NOW, WORKER, report
from tests.store.opened import OpenedStore
from tests.store.scenes import claimed, scheduled, submitted


def _last(store: OpenedStore) -> Measured:
    assert store.last is not None
    return store.last.measured


def test_a_part_of_a_transaction_adds_to_the_whole() -> None:
    whole, part = Measured(), Measured()
    for one in (whole, part):
        one.note("stale_reports", 2)
        one.observe("fire_delay", [4_000, 7_000_000])
        assert one.timed("submit", len, [1, 2]) == 2
    whole.absorb(part)
    assert whole.noted == {"stale_reports": 4}
    assert whole.spans["fire_delay", "", "", ""] == Counter({SUM: 14_008_000, 0: 2, 10: 2})
    assert [verb for verb, _ in whole.timings] == ["submit", "submit"]
    assert whole.elapsed() >= 0


def test_delays_and_durations_are_kept_by_lane_and_outcome(store: OpenedStore) -> None:
    jobs = submitted(store, 3)
    store.now += SECOND
    claimed(store, WORKER)
    assert _last(store).spans == {("delay", "default", "echo", ""): Counter({SUM: 3_000_000, 7: 3})}
    store.now += 2 * SECOND
    failed = report(jobs[2], outcome=Outcome.FAILED, error='{"type":"E"}')
    batch = [report(jobs[0]), report(jobs[1]), failed]
    store.run(settle, [batch], lambda: 0.5)
    assert _last(store).spans == {
        ("duration", "default", "echo", "completed"): Counter({SUM: 4_000_000, 8: 2}),
        ("duration", "default", "echo", "failed"): Counter({SUM: 2_000_000, 8: 1}),
    }


def test_stale_reports_are_noted_repeated_ones_are_not(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1)
    claimed(store, WORKER)
    store.run(settle, [[report(job_id)]], lambda: 0.5)
    assert _last(store).noted == {}
    store.run(settle, [[report(job_id), report(job_id, 7)]], lambda: 0.5)
    assert _last(store).noted == {"stale_reports": 1}


def test_reclaimed_leases_are_noted(store: OpenedStore) -> None:
    submitted(store, 2)
    claimed(store, WORKER)
    store.now += 60 * SECOND
    assert store.run(sweep, 3, lambda: 0.5) == 2
    assert _last(store).noted == {"leases_expired": 2}


def test_fires_tell_how_late_they_were_and_what_was_missed(store: OpenedStore) -> None:
    scheduled(store, misfire=Misfire.SKIP)
    store.now = NOW + MINUTE + SECOND
    store.run(fire)
    assert _last(store).spans["fire_delay", "", "", ""] == Counter({SUM: SECOND, 7: 1})
    assert _last(store).noted == {}
    store.now = NOW + 31 * MINUTE + SECOND
    while store.run(fire):
        missed = _last(store).noted["schedules_missed"]
    assert missed > 0
