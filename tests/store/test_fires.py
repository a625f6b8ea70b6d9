"""Due schedules fire: once each, as their policies say, on both databases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.ids import IdSource
from tenure.domain.scheduling import Misfire, Overlap
from tenure.store import control, schedules
from tenure.store import tables as t
from tenure.store import tables_schedules as s
from tenure.store.control import Action
from tenure.store.fires import fire, next_due
from tests.builders import NOW, WORKER, job_spec, report
from tests.store.facts import active, measured, runs, state
from tests.store.opened import OpenedStore, PostgresStore
from tests.store.plans import no_whole_table
from tests.store.scenes import claimed, ended, ledger, schedule_row, scheduled

FIVE = 5 * MINUTE
HOUR = 60 * MINUTE


def jobs_of(store: OpenedStore, schedule_id: str) -> list[tuple[str, int]]:
    """(id, nominal time) of a schedule's jobs, in order of time."""
    j = t.jobs.c
    statement = sa.select(j.id, j.nominal_at).where(j.schedule_id == schedule_id)
    return [tuple(row) for row in store.rows(statement.order_by(j.nominal_at))]


def test_a_due_schedule_submits_its_job_and_moves_on(store: OpenedStore) -> None:
    schedule_id = scheduled(store, job=job_spec(queue="mail", priority=3), payload='{"n":1.10}')
    assert store.run(next_due) == NOW + MINUTE
    assert store.run(fire) == 0
    store.now = NOW + MINUTE + SECOND
    assert store.run(fire) == 1
    [(job_id, nominal)] = jobs_of(store, schedule_id)
    assert nominal == NOW + MINUTE
    row = active(store, job_id)
    assert (row["state"], row["queue"], row["schedule_id"]) == ("pending", "mail", schedule_id)
    assert (row["run_at"], store.rows(sa.select(t.jobs.c.payload))) == (
        store.now,
        [('{"n":1.10}',)],
    )
    assert ledger(store, schedule_id) == [(nominal, nominal, 1, "fired")]
    found = schedule_row(store, schedule_id)
    assert (found["next_fire_at"], found["last_fired_at"]) == (NOW + 2 * MINUTE, store.now)
    assert store.last is not None
    assert store.last.ready == {("mail", "echo"): 1}
    assert measured(store) == {"submitted": 1}
    assert store.run(fire) == 0
    assert store.run(next_due) == NOW + 2 * MINUTE


@pytest.mark.parametrize(
    ("misfire", "jobs", "missed"),
    [(Misfire.LATEST, 1, 35), (Misfire.SKIP, 0, 36), (Misfire.ALL, 36, 0)],
)
@pytest.mark.parametrize("overlap", Overlap)
def test_three_hours_of_downtime(
    store: OpenedStore, misfire: Misfire, jobs: int, missed: int, overlap: Overlap
) -> None:
    schedule_id = scheduled(store, cron="*/5 * * * *", misfire=misfire, overlap=overlap)
    store.now = NOW + 3 * HOUR + 2 * MINUTE
    while store.run(fire):
        pass
    fired = [row for row in ledger(store, schedule_id) if row[3] == "fired"]
    lapsed = [row for row in ledger(store, schedule_id) if row[3] == "missed"]
    assert (len(fired), sum(row[2] for row in lapsed)) == (jobs, missed)
    assert len(lapsed) <= 1
    assert [at for _, at in jobs_of(store, schedule_id)] == [row[0] for row in fired]
    assert schedule_row(store, schedule_id)["next_fire_at"] == NOW + 3 * HOUR + FIVE


def test_a_stretch_grows_until_something_fires(store: OpenedStore) -> None:
    schedule_id = scheduled(store, misfire=Misfire.SKIP, misfire_after=0)
    for minute in (1, 2, 3):
        store.now = NOW + minute * MINUTE + SECOND
        store.run(fire)
    missed = (NOW + MINUTE, NOW + 3 * MINUTE, 3, "missed")
    assert ledger(store, schedule_id) == [missed]
    store.now = NOW + 4 * MINUTE
    store.run(fire)
    store.now = NOW + 5 * MINUTE + SECOND
    store.run(fire)
    assert ledger(store, schedule_id) == [
        missed,
        (NOW + 4 * MINUTE, NOW + 4 * MINUTE, 1, "fired"),
        (NOW + 5 * MINUTE, NOW + 5 * MINUTE, 1, "missed"),
    ]


def test_an_unfinished_job_holds_the_next_fire_back(store: OpenedStore) -> None:
    schedule_id = scheduled(store, overlap=Overlap.SKIP)
    for minute in (1, 2, 3):
        store.now = NOW + minute * MINUTE
        assert store.run(fire) == 1
    [(job_id, _)] = jobs_of(store, schedule_id)
    assert ledger(store, schedule_id)[1:] == [(NOW + 2 * MINUTE, NOW + 3 * MINUTE, 2, "overlapped")]
    claimed(store, WORKER)
    ended(store, report(job_id))
    store.run(control.retry, job_id, Action("ann"))
    store.now = NOW + 4 * MINUTE
    store.run(fire)
    assert len(jobs_of(store, schedule_id)) == 1
    store.run(control.cancel, job_id, Action("ann"))
    store.now = NOW + 5 * MINUTE
    store.run(fire)
    assert len(jobs_of(store, schedule_id)) == 2


def test_a_fire_may_cancel_what_runs(store: OpenedStore) -> None:
    schedule_id = scheduled(store, overlap=Overlap.CANCEL_RUNNING)
    store.now = NOW + MINUTE
    store.run(fire)
    [(running, _)] = jobs_of(store, schedule_id)
    claimed(store, WORKER)
    store.now += MINUTE
    store.run(fire)
    assert active(store, running)["cancel_reason"] == "its next fire came"
    assert store.last is not None
    assert store.last.woken == {WORKER}
    waiting = jobs_of(store, schedule_id)[1][0]
    store.now += MINUTE
    store.run(fire)
    assert state(store, waiting) == "cancelled"
    assert runs(store, waiting)[0]["outcome"] == "cancelled"
    assert [row[3] for row in ledger(store, schedule_id)] == ["fired"] * 3


def test_many_schedules_are_one_batch(store: OpenedStore) -> None:
    ids = IdSource().make(NOW, 30)
    for id_ in ids:
        scheduled(store, id=id_)
    scheduled(store, id=IdSource().one(NOW + SECOND), cron="0 0 * * *")
    store.now = NOW + MINUTE
    assert [store.run(fire, 20), store.run(fire, 20), store.run(fire, 20)] == [20, 10, 0]
    found = store.rows(sa.select(t.jobs.c.schedule_id))
    assert sorted(row[0] for row in found) == ids


def test_a_time_that_fired_never_fires_again(store: OpenedStore) -> None:
    """Not even when a row is set back, as by a restored backup or a clock that stepped."""
    schedule_id = scheduled(store)
    store.now = NOW + MINUTE
    store.run(fire)
    store.execute(sa.update(s.schedules).values(next_nominal_at=store.now, next_fire_at=store.now))
    assert store.run(fire) == 1
    assert len(jobs_of(store, schedule_id)) == 1
    assert [row[3] for row in ledger(store, schedule_id)] == ["fired"]
    assert schedule_row(store, schedule_id)["next_fire_at"] == NOW + 2 * MINUTE


def test_a_schedule_ends(store: OpenedStore) -> None:
    schedule_id = scheduled(store, end_at=NOW + MINUTE)
    store.now = NOW + MINUTE
    store.run(fire)
    row = schedule_row(store, schedule_id)
    assert (row["next_nominal_at"], row["next_fire_at"]) == (None, None)
    store.now += HOUR
    assert store.run(fire) == 0
    assert store.run(next_due) is None


def test_a_schedule_that_cannot_be_read_is_paused_and_holds_up_nobody(store: OpenedStore) -> None:
    wrong, right = IdSource().make(NOW, 2)
    scheduled(store, id=wrong)
    scheduled(store, id=right)
    c = s.schedules.c
    broken = sa.func.replace(c.rules, "UTC", "Mars/Olympus")
    store.execute(sa.update(s.schedules).where(c.id == wrong).values(rules=broken))
    store.now = NOW + MINUTE
    assert store.run(fire) == 2
    assert len(jobs_of(store, right)) == 1
    row = schedule_row(store, wrong)
    assert (row["paused_at"], row["next_fire_at"]) == (store.now, None)
    assert "is no IANA time zone" in row["pause_reason"]


def test_an_outage_of_years_is_worked_off_in_steps(store: OpenedStore) -> None:
    schedule_id = scheduled(store, every=SECOND)
    store.now = NOW + 25_000 * SECOND
    steps = 0
    while store.run(fire):
        steps += 1
    assert 2 < steps < 9
    stretch, *fired = ledger(store, schedule_id)
    assert stretch[2] + len(fired) == 25_000
    assert {row[3] for row in fired} == {"fired"}
    assert fired[-1][0] == store.now


def test_two_coordinators_fire_each_schedule_once(postgres_store: PostgresStore) -> None:
    store = postgres_store
    for id_ in IdSource().make(NOW, 5):
        scheduled(store, id=id_)
    store.now = NOW + MINUTE
    assert store.beside(lambda unit: fire(unit, 3), fire) == (3, 2)
    assert store.run(fire) == 0
    assert len(store.rows(sa.select(t.jobs.c.id))) == 5


def test_a_change_waits_for_a_fire_under_way(store: OpenedStore) -> None:
    schedule_id = scheduled(store)
    store.now = NOW + MINUTE
    store.run(fire)
    store.run(schedules.pause, schedule_id, Action("ann"))
    store.now += HOUR
    assert store.run(fire) == 0


def test_only_what_is_due_is_read(store: OpenedStore) -> None:
    scheduled(store)
    store.now = NOW + MINUTE
    no_whole_table(store, next_due)
    no_whole_table(store, fire)
