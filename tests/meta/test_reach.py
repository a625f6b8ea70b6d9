"""What the API offers is there in the Python clients and on the command line, or says why not."""

from __future__ import annotations

import csv
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import typer

from tenure import AsyncClient, Client
from tenure.api.app import ROUTES
from tenure.cli.main import build
from tenure.client.access import Accounts, AsyncAccounts
from tenure.client.notifications import AsyncNotifications, Notifications
from tenure.client.schedules import AsyncSchedules, Schedules

TABLE = Path(__file__).with_name("reach.csv").read_text("utf-8")
REACH = list(csv.DictReader(TABLE.splitlines()))
PARTS: dict[str, tuple[Any, Any]] = {
    "schedules": (Schedules, AsyncSchedules),
    "accounts": (Accounts, AsyncAccounts),
    "notifications": (Notifications, AsyncNotifications),
}


def test_every_operation_has_its_row() -> None:
    assert [row["operation"] for row in REACH] == [route.operation_id for route in ROUTES]


@pytest.mark.parametrize("row", REACH, ids=lambda row: row["operation"])
def test_what_is_missing_has_a_reason(row: dict[str, str]) -> None:
    assert bool(row["why"]) == (not row["client"] or not row["command"])


@pytest.mark.parametrize("name", sorted({row["client"] for row in REACH} - {""}))
def test_both_clients_have_the_call(name: str) -> None:
    part, _, method = name.rpartition(".")
    for kind in PARTS[part] if part else (Client, AsyncClient):
        assert callable(attrgetter(method)(kind))


@pytest.mark.parametrize("words", sorted({row["command"] for row in REACH} - {""}))
def test_the_command_is_there(words: str) -> None:
    command: Any = typer.main.get_command(build())
    with typer.Context(command) as context:
        for word in words.split():
            _, command, _ = command.resolve_command(context, [word])
    assert command.callback is not None
