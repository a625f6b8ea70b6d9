"""Settings of queues, as somebody makes them."""

from __future__ import annotations

from typing import Any

from tenure.store import queues
from tenure.store.control import Action
from tenure.store.queues import QueueEdit
from tests.store.opened import OpenedStore

ANN = Action("ann", "why not")


def limit(store: OpenedStore, name: str = "default", **rules: Any) -> None:
    store.run(queues.edit, name, QueueEdit(rules), ANN)
