"""Handlers whose effects happen once, though a job may start twice.

A worker that was cut off may still be running a job that another worker runs by now. Both get the
same `idempotency_key`, and the later one the higher `fence`. The table that is changed decides.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from pydantic import BaseModel

from tenure import Context, Fail, handler

TABLES = """
    CREATE TABLE IF NOT EXISTS balances (account TEXT PRIMARY KEY, amount INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS credits (key TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS pages (name TEXT PRIMARY KEY, fence INTEGER NOT NULL, text TEXT);
"""


class Credit(BaseModel):
    account: str
    amount: int


class Page(BaseModel):
    name: str
    text: str


def _open() -> sqlite3.Connection:
    ledger = sqlite3.connect(os.environ.get("LEDGER", "ledger.db"), isolation_level=None)
    ledger.executescript(TABLES)
    ledger.execute("BEGIN IMMEDIATE")
    return ledger


@handler("credit")
def credit(order: Credit, ctx: Context) -> str:
    """Add to a balance. Key and change are one transaction: a second attempt adds nothing."""
    with closing(_open()) as ledger:
        new = ledger.execute("INSERT OR IGNORE INTO credits VALUES (?)", [ctx.idempotency_key])
        if new.rowcount:
            ledger.execute(
                "INSERT INTO balances VALUES (?, ?)"
                " ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount",
                [order.account, order.amount],
            )
        ledger.execute("COMMIT")
    return "credited" if new.rowcount else "was credited before"


@handler("publish")
def publish(page: Page, ctx: Context) -> str:
    """Write a page that one job is in charge of. An attempt that lost its lease writes nothing."""
    with closing(_open()) as ledger:
        written = ledger.execute(
            "INSERT INTO pages VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
            " SET fence = excluded.fence, text = excluded.text WHERE excluded.fence >= fence",
            [page.name, ctx.fence, page.text],
        )
        ledger.execute("COMMIT")
    if not written.rowcount:
        raise Fail("a later attempt has written this page")
    return "written"
