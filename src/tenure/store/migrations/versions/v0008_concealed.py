"""Secret fields of payloads, by type."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "secret_fields",
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column(
            "path", sa.Text(), nullable=False, comment="JSON pointer, * for any; empty: all of it"
        ),
        sa.Column("top", sa.Text(), nullable=False, comment="its first name as names are compared"),
        sa.PrimaryKeyConstraint("type", "path", name=op.f("pk_secret_fields")),
        sqlite_with_rowid=False,
    )
