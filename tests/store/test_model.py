"""The store's verbs against a model of plain objects, in orders that hypothesis makes up."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.store.machine_queues import QueueMachine
from tests.store.opened import OpenedStore


def drive(store: OpenedStore, examples: int, steps: int) -> None:
    class Machine(QueueMachine):
        def __init__(self) -> None:
            super().__init__(store)

    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None),
    )


def test_store_does_what_the_model_does(store: OpenedStore) -> None:
    drive(store, 60, 40)


@pytest.mark.soak
def test_store_does_what_the_model_does_for_long(store: OpenedStore) -> None:
    drive(store, 2_000, 80)
