"""Whose rows a caller sees, as a condition of the statement that reads or locks them.

Nothing is read first and checked afterwards: what a caller may not see is not found.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tenure.store.tables import Uuid


def visible(owner_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a row belongs to the owner bound as `only`; every row does when that is null.

    For rows that are named by id. A list reads the index of the owner instead: `owned`.
    """
    only = sa.bindparam("only", type_=Uuid)
    return sa.or_(only.is_(None), owner_id == only)


def owned(owner_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a row belongs to the owner bound as `only`, which is never null here."""
    return owner_id == sa.bindparam("only", type_=Uuid)
