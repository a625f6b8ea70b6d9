"""What people do to schedules, on both databases."""

from __future__ import annotations

import msgspec
import pytest
import sqlalchemy as sa

from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.errors import (
    InvalidInput,
    PreconditionFailed,
    ScheduleNotFound,
    VersionConflict,
)
from tenure.domain.ids import IdSource
from tenure.domain.scheduling import Misfire, Overlap
from tenure.domain.template import JobTemplate
from tenure.store import schedules
from tenure.store import tables as t
from tenure.store import tables_schedules as s
from tenure.store.control import Action
from tenure.store.fires import fire, next_due
from tenure.store.schedules import ScheduleEdit
from tests.builders import NOW, job_spec
from tests.store.opened import OpenedStore
from tests.store.plans import no_whole_table
from tests.store.scenes import ledger, schedule_row, scheduled

ANN = Action("ann", "because")
HOUR = 60 * MINUTE
NOBODY = "0193474a-0000-7000-8000-0000000000ff"


def told(store: OpenedStore) -> list[tuple[str, str | None, str | None]]:
    c = t.events.c
    rows = store.rows(sa.select(c.event, c.actor, c.reason).order_by(c["at"], c.id))
    return [tuple(row) for row in rows]


def test_a_new_schedule_wakes_the_ticker_for_its_first_time(store: OpenedStore) -> None:
    schedule_id = scheduled(store, every=90 * SECOND)
    assert store.last is not None
    assert store.last.fires_due == NOW + 90 * SECOND
    row = schedule_row(store, schedule_id)
    assert (row["version"], row["next_nominal_at"]) == (1, NOW + 90 * SECOND)


def test_an_interval_counts_from_the_start_that_is_given(store: OpenedStore) -> None:
    scheduled(store, every=HOUR, start_at=NOW - 50 * MINUTE)
    assert store.run(next_due) == NOW + 10 * MINUTE


def test_a_schedule_is_named_by_its_id_its_name_or_the_start_of_its_id(store: OpenedStore) -> None:
    nightly, other = scheduled(store, name="Nightly"), scheduled(store, name=NOBODY[:8])
    for text, found in (
        ("Nightly", nightly), (nightly, nightly), (nightly[:20], nightly),
        (nightly[:20].upper(), nightly), (NOBODY[:8], other), (NOBODY, NOBODY),
    ):  # fmt: skip
        assert store.run(schedules.resolve, text) == found
    for text in ("nightly", "Night", "", "a\x00b", "\ud800"):
        with pytest.raises(ScheduleNotFound):
            store.run(schedules.resolve, text)
    store.run(schedules.delete, nightly, ANN)
    with pytest.raises(ScheduleNotFound):
        store.run(schedules.resolve, "Nightly")
    no_whole_table(store, lambda unit: schedules.resolve(unit, nightly[:8]))


def test_a_schedule_may_be_created_paused(store: OpenedStore) -> None:
    schedule_id = scheduled(store, paused=True)
    assert store.run(next_due) is None
    store.run(schedules.resume, schedule_id, ANN)
    assert store.run(next_due) == NOW + MINUTE


def test_a_schedule_that_never_fires_is_refused(store: OpenedStore) -> None:
    with pytest.raises(InvalidInput):
        scheduled(store, end_at=NOW)
    assert store.rows(sa.select(s.schedules.c.id)) == []


def test_paused_times_are_one_stretch(store: OpenedStore) -> None:
    schedule_id = scheduled(store, misfire=Misfire.ALL)
    store.now = NOW + MINUTE
    store.run(fire)
    store.run(schedules.pause, schedule_id, ANN)
    store.run(schedules.pause, schedule_id, Action("bob", "too"))
    row = schedule_row(store, schedule_id)
    assert (row["paused_at"], row["paused_by"], row["pause_reason"]) == (
        store.now, "ann", "because",
    )  # fmt: skip
    store.now = NOW + HOUR
    assert store.run(fire) == 0
    store.run(schedules.resume, schedule_id, ANN)
    assert store.last is not None
    assert store.last.fires_due == NOW + 2 * MINUTE
    assert store.run(fire) == 1
    assert ledger(store, schedule_id)[1:] == [(NOW + 2 * MINUTE, NOW + HOUR, 59, "paused")]
    row = schedule_row(store, schedule_id)
    assert (row["paused_at"], row["paused_until"], row["next_fire_at"]) == (
        None, None, NOW + HOUR + MINUTE,
    )  # fmt: skip
    assert {event for event, _, _ in told(store)} == {
        "schedule_create", "schedule_pause", "schedule_resume",
    }  # fmt: skip
    store.run(schedules.resume, schedule_id, ANN)
    assert len(told(store)) == 3


def test_an_edit_of_other_times_goes_on_from_now(store: OpenedStore) -> None:
    schedule_id = scheduled(store)
    store.now = NOW + 10 * MINUTE + SECOND
    store.run(schedules.edit, schedule_id, ScheduleEdit({"cron": "0 * * * *"}), ANN)
    row = schedule_row(store, schedule_id)
    assert (row["version"], row["next_fire_at"]) == (2, NOW + HOUR)
    assert ledger(store, schedule_id) == [(NOW + MINUTE, NOW + 10 * MINUTE, 10, "missed")]
    assert store.last is not None
    assert store.last.fires_due == NOW + HOUR


def test_an_edit_of_a_paused_schedule_stays_paused(store: OpenedStore) -> None:
    schedule_id = scheduled(store, paused=True)
    store.now = NOW + 10 * MINUTE
    store.run(schedules.edit, schedule_id, ScheduleEdit({"cron": "0 * * * *"}), ANN)
    assert schedule_row(store, schedule_id)["next_fire_at"] is None
    assert ledger(store, schedule_id) == [(NOW + MINUTE, store.now, 10, "paused")]


def test_an_edit_of_the_job_keeps_the_times(store: OpenedStore) -> None:
    schedule_id = scheduled(store, misfire=Misfire.ALL)
    store.now = NOW + 2 * MINUTE
    wanted = ScheduleEdit(
        {"overlap": Overlap.SKIP},
        template=JobTemplate(job_spec("other"), "[2]"),
        named=True,
        name="new",
    )
    store.run(schedules.edit, schedule_id, wanted, ANN)
    row = schedule_row(store, schedule_id)
    assert (row["name"], row["next_fire_at"], row["payload"]) == ("new", NOW + MINUTE, "[2]")
    assert msgspec.json.decode(row["job"])["type"] == "other"
    store.run(fire)
    assert store.rows(sa.select(t.jobs.c.type, t.jobs.c.payload)) == [("other", "[2]")]


def test_changes_of_somebody_else_are_not_overwritten(store: OpenedStore) -> None:
    schedule_id = scheduled(store)
    before = schedule_row(store, schedule_id)
    with pytest.raises(VersionConflict):
        store.run(schedules.edit, schedule_id, ScheduleEdit({}, version=2), ANN)
    with pytest.raises(PreconditionFailed):
        store.run(schedules.edit, schedule_id, ScheduleEdit({}, if_match=frozenset({2, 3})), ANN)
    with pytest.raises(InvalidInput):
        store.run(schedules.edit, schedule_id, ScheduleEdit({"cron": "no"}), ANN)
    assert schedule_row(store, schedule_id) == before
    wanted = ScheduleEdit({}, named=True, name="x", version=1, if_match=frozenset({1}))
    store.run(schedules.edit, schedule_id, wanted, ANN)
    assert schedule_row(store, schedule_id)["version"] == 2


def test_a_deleted_schedule_is_gone_and_its_jobs_stay(store: OpenedStore) -> None:
    schedule_id = scheduled(store)
    store.now = NOW + MINUTE
    store.run(fire)
    store.run(schedules.delete, schedule_id, ANN)
    assert store.run(next_due) is None
    for verb in (schedules.delete, schedules.pause, schedules.resume):
        with pytest.raises(ScheduleNotFound):
            store.run(verb, schedule_id, ANN)
    assert len(store.rows(sa.select(t.jobs.c.id))) == 1


def test_run_now_uses_up_no_time(store: OpenedStore) -> None:
    schedule_id = scheduled(store, paused=True)
    job_id = IdSource().one(store.now)
    store.run(schedules.trigger, schedule_id, job_id, ANN)
    j = t.jobs.c
    assert store.rows(sa.select(j.id, j.schedule_id, j.nominal_at)) == [(job_id, schedule_id, None)]
    assert ledger(store, schedule_id) == []
    assert ("schedule_trigger", "ann", "because") in told(store)


def test_a_backfill_fires_what_has_not_fired(store: OpenedStore) -> None:
    schedule_id = scheduled(store, misfire=Misfire.SKIP)
    store.now = NOW + MINUTE
    store.run(fire)
    store.now = NOW + 5 * MINUTE + 59 * SECOND
    store.run(fire)
    wanted = [NOW + n * MINUTE for n in range(1, 4)]
    made = store.run(schedules.backfill, schedule_id, wanted, ANN)
    assert [job.nominal_at for job in made] == wanted[1:]
    assert store.run(schedules.backfill, schedule_id, wanted, ANN) == []
    assert [row[3] for row in ledger(store, schedule_id)] == [
        "fired", "backfilled", "missed", "backfilled", "fired",
    ]  # fmt: skip
    assert len(store.rows(sa.select(t.jobs.c.id))) == 4


def test_a_part_of_an_id_is_enough(store: OpenedStore) -> None:
    schedule_id = scheduled(store)
    assert store.run(schedules.resolve, schedule_id[:12]) == schedule_id
    for text in (schedule_id[:7], "ffffffff"):
        with pytest.raises(ScheduleNotFound):
            store.run(schedules.resolve, text)
