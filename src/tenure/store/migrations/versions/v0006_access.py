"""Users, their sessions, tokens, and the installation's secrets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_UUID = sa.Uuid(as_uuid=False).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    _users()
    _refresh_tokens()
    _api_tokens()
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secrets")),
        sqlite_with_rowid=False,
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("name", sa.Text(), comment="lower case; name or email is there"),
        sa.Column("email", sa.Text(), comment="lower case"),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), comment="argon2id; null: cannot log in by password"),
        sa.Column("disabled", sa.Integer(), nullable=False),
        sa.Column(
            "version",
            sa.Integer(),
            nullable=False,
            comment="access tokens of an older one are void",
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_login_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_users_name", "users", ["name"], unique=True)
    op.create_index("ix_users_email", "users", ["email"], unique=True)


def _refresh_tokens() -> None:
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.Text(), nullable=False, comment="SHA-256, hex"),
        sa.Column("family_id", _UUID, nullable=False, comment="the login it descends from"),
        sa.Column("user_id", _UUID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), comment="null in the newest of its family only"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_tokens")),
        sqlite_with_rowid=False,
    )
    for column in ("family_id", "user_id", "expires_at"):
        op.create_index(f"ix_refresh_tokens_{column}", "refresh_tokens", [column])


def _api_tokens() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="api_token or worker_token"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="SHA-256, hex"),
        sa.Column("user_id", _UUID, comment="whose it is; null for a worker token"),
        sa.Column("scopes", sa.Text(), comment="JSON array of permissions; null: all of the role"),
        sa.Column("queues", sa.Text(), comment="JSON array of names; null: every queue"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("last_used_at", sa.BigInteger(), comment="written once a minute at most"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_api_tokens_digest", "api_tokens", ["digest"], unique=True)
    op.create_index("ix_api_tokens_user_id", "api_tokens", ["user_id"])
