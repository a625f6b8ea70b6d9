"""The audit: appended to, chained, never changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_UUID = sa.Uuid(as_uuid=False).with_variant(sa.Text(), "sqlite")
_SAID = (
    "id", "at", "action", "actor_id", "actor", "role", "token_id", "address", "target",
    "target_id", "reason", "before", "after",
)  # fmt: skip
"""What a line says; the two other columns are written once, by the chain."""


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), comment="null: nobody known, or the coordinator itself"),
        sa.Column(
            "actor", sa.Text(), comment="the name then, or what somebody claimed to be called"
        ),
        sa.Column("role", sa.Text()),
        sa.Column("token_id", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("target", sa.Text(), comment="the kind of thing it was done to"),
        sa.Column("target_id", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("before", sa.Text(), comment="JSON"),
        sa.Column("after", sa.Text(), comment="JSON"),
        sa.Column("place", sa.BigInteger(), comment="in the chain, from 1; null until chained"),
        sa.Column("digest", sa.Text(), comment="SHA-256 of the line and the digest before it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_place", "audit", ["place"], unique=True)
    op.create_index(
        "ix_audit_unchained",
        "audit",
        ["id"],
        sqlite_where=sa.text("place IS NULL"),
        postgresql_where=sa.text("place IS NULL"),
    )
    op.create_index("ix_audit_target_id", "audit", ["target_id", "id"])
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False, comment="always 1"),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgres()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    said = ", ".join(f'"{name}"' for name in _SAID)
    refuse = "BEGIN SELECT RAISE(ABORT, 'the audit is only appended to'); END"
    op.execute(f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit {refuse}")
    op.execute(f"CREATE TRIGGER audit_no_update BEFORE UPDATE OF {said} ON audit {refuse}")
    op.execute(
        "CREATE TRIGGER audit_chained_once BEFORE UPDATE OF place, digest ON audit "
        f"WHEN OLD.place IS NOT NULL {refuse}"
    )


def _guard_postgres() -> None:
    same = " OR ".join(f'NEW."{name}" IS DISTINCT FROM OLD."{name}"' for name in _SAID)
    op.execute(
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'the audit is only appended to'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
    )
    op.execute(
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
    )
    op.execute(
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit FOR EACH ROW "
        f"WHEN (OLD.place IS NOT NULL OR {same}) EXECUTE FUNCTION audit_refuse()"
    )
