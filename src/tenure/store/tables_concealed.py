"""Which fields of payloads are secret, by type."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.store.tables import Text, metadata

secret_fields = sa.Table(
    "secret_fields",
    metadata,
    sa.Column("type", Text, primary_key=True),
    sa.Column("path", Text, primary_key=True, comment="JSON pointer, * for any; empty: all of it"),
    sa.Column("top", Text, nullable=False, comment="its first name as names are compared"),
    sqlite_with_rowid=False,
)
