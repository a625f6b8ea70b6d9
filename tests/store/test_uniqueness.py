"""Unique keys, alone."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tenure.domain.clock import MINUTE, SECOND
from tenure.domain.errors import UniqueTaken
from tenure.domain.job import Unique, UniqueScope
from tenure.domain.run import Outcome
from tenure.store import control, pruning, uniqueness
from tenure.store import tables_limits as lim
from tenure.store.control import Action
from tenure.store.replays import replay
from tenure.store.unit import Unit
from tests.builders import WORKER, report
from tests.store.facts import state
from tests.store.opened import OpenedStore, PostgresStore
from tests.store.scenes import claimed, ended, submitted

ONE, TWO = (f"0193474a-0000-7000-8000-0000000000a{n}" for n in (1, 2))
WINDOW = Unique("k", UniqueScope.WINDOW, 60)
FOREVER = Unique("k", UniqueScope.FOREVER)
ACTIVE = Unique("k")
KEY = ("", "k")


def take(store: OpenedStore, job_id: str, unique: Unique) -> str:
    return store.run(uniqueness.take, {KEY: (job_id, unique)})[KEY]


def holders(store: OpenedStore) -> dict[str, str]:
    c = lim.unique_keys.c
    return dict(tuple(row) for row in store.rows(sa.select(c.key, c.job_id)))


@pytest.mark.parametrize("unique", [ACTIVE, WINDOW, FOREVER])
def test_the_first_keeps_a_key_and_may_take_it_again(store: OpenedStore, unique: Unique) -> None:
    assert take(store, ONE, unique) == ONE
    assert take(store, TWO, ACTIVE) == ONE
    assert take(store, ONE, unique) == ONE


def test_keys_of_owners_are_apart(store: OpenedStore) -> None:
    wanted = {("a", "k"): (ONE, ACTIVE), ("b", "k"): (TWO, ACTIVE)}
    assert store.run(uniqueness.take, wanted) == {("a", "k"): ONE, ("b", "k"): TWO}


def test_a_key_is_free_from_the_end_of_its_window_on(store: OpenedStore) -> None:
    take(store, ONE, WINDOW)
    store.now += 60 * SECOND - 1
    assert take(store, TWO, FOREVER) == ONE
    store.now += 1
    assert take(store, TWO, FOREVER) == TWO
    store.now += 10 * MINUTE
    assert take(store, ONE, WINDOW) == TWO


def test_the_end_of_a_job_frees_only_what_it_held_until_then(store: OpenedStore) -> None:
    for scope, kept in ((ACTIVE, False), (WINDOW, True), (FOREVER, True)):
        store.empty()
        take(store, ONE, scope)
        store.run(uniqueness.let_go, [ONE])
        assert (KEY[1] in holders(store)) is kept
        store.run(uniqueness.let_go, [ONE], ended=False)
        assert holders(store) == {}


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.FAILED])
def test_every_end_frees_the_key(store: OpenedStore, outcome: Outcome) -> None:
    (job_id,) = submitted(store, 1, unique=ACTIVE)
    claimed(store, WORKER)
    assert holders(store) == {"k": job_id}
    ended(store, report(job_id, outcome=outcome, retryable=False))
    assert holders(store) == {}


def test_a_jobs_own_retries_keep_its_key(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, unique=ACTIVE)
    claimed(store, WORKER)
    ended(store, report(job_id, outcome=Outcome.FAILED))
    assert (state(store, job_id), holders(store)) == ("scheduled", {"k": job_id})


def test_a_retry_by_a_person_takes_the_key_again_or_is_refused(store: OpenedStore) -> None:
    (first,) = submitted(store, 1, unique=ACTIVE)
    store.run(control.cancel, first, Action())
    (second,) = submitted(store, 1, unique=ACTIVE)
    with pytest.raises(UniqueTaken, match=second):
        store.run(control.retry, first, Action())
    assert (state(store, first), holders(store)) == ("cancelled", {"k": second})
    store.run(control.cancel, second, Action())
    store.run(control.retry, first, Action())
    assert holders(store) == {"k": first}
    store.run(control.cancel, first, Action())
    assert holders(store) == {}


def test_a_retry_that_is_refused_takes_no_key(store: OpenedStore) -> None:
    other = Unique("other")
    (first,) = submitted(store, 1, unique=ACTIVE)
    (second,) = submitted(store, 1, unique=other)
    for job_id in (first, second):
        store.run(control.cancel, job_id, Action())
    (third,) = submitted(store, 1, unique=other)
    with pytest.raises(UniqueTaken, match=third):
        store.run(replay, [first, second])
    assert holders(store) == {"other": third}


def test_a_job_that_kept_its_key_may_be_retried(store: OpenedStore) -> None:
    (job_id,) = submitted(store, 1, unique=FOREVER)
    store.run(control.cancel, job_id, Action())
    store.run(control.retry, job_id, Action())
    assert (state(store, job_id), holders(store)) == ("pending", {"k": job_id})


@pytest.mark.parametrize("unique", [ACTIVE, WINDOW, FOREVER])
def test_a_deleted_job_keeps_no_key(store: OpenedStore, unique: Unique) -> None:
    (job_id,) = submitted(store, 1, unique=unique)
    store.run(control.delete, job_id, Action())
    assert holders(store) == {}


def test_windows_that_are_over_are_pruned(store: OpenedStore) -> None:
    take(store, ONE, WINDOW)
    store.run(uniqueness.take, {("", "f"): (TWO, FOREVER), ("", "a"): (TWO, ACTIVE)})
    assert store.run(pruning.prune_unique_keys) == 0
    store.now += 60 * SECOND
    assert store.run(pruning.prune_unique_keys) == 1
    assert holders(store).keys() == {"f", "a"}


def test_two_coordinators_agree_on_the_holder(postgres_store: PostgresStore) -> None:
    """The second waits for the first, whatever it does with the key."""

    def freed(unit: Unit) -> None:
        uniqueness.take(unit, {("", "other"): (ONE, ACTIVE)})
        uniqueness.let_go(unit, [ONE])

    take(postgres_store, ONE, ACTIVE)
    _, held = postgres_store.beside(
        lambda unit: uniqueness.take(unit, {("", "z"): (ONE, ACTIVE)}),
        lambda unit: uniqueness.take(unit, {KEY: (TWO, ACTIVE)}),
    )
    assert held == {KEY: ONE}
    postgres_store.run(freed)
    assert take(postgres_store, TWO, ACTIVE) == TWO
