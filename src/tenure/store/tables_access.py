"""The tables of who may come in: users, their sessions, tokens, the installation's secrets."""

from __future__ import annotations

import sqlalchemy as sa

from tenure.store.tables import Integer, Micros, Text, Uuid, metadata

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("name", Text, comment="lower case; name or email is there"),
    sa.Column("email", Text, comment="lower case"),
    sa.Column("role", Text, nullable=False),
    sa.Column("password", Text, comment="argon2id; null: cannot log in by password"),
    sa.Column("disabled", Integer, nullable=False),
    sa.Column("version", Integer, nullable=False, comment="access tokens of an older one are void"),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("last_login_at", Micros),
    sqlite_with_rowid=False,
)
sa.Index("ix_users_name", users.c.name, unique=True)
sa.Index("ix_users_email", users.c.email, unique=True)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("digest", Text, primary_key=True, comment="SHA-256, hex"),
    sa.Column("family_id", Uuid, nullable=False, comment="the login it descends from"),
    sa.Column("user_id", Uuid, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("expires_at", Micros, nullable=False),
    sa.Column("used_at", Micros, comment="null in the newest of its family only"),
    sqlite_with_rowid=False,
)
sa.Index("ix_refresh_tokens_family_id", refresh_tokens.c.family_id)
sa.Index("ix_refresh_tokens_user_id", refresh_tokens.c.user_id)
sa.Index("ix_refresh_tokens_expires_at", refresh_tokens.c.expires_at)

api_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("kind", Text, nullable=False, comment="api_token or worker_token"),
    sa.Column("name", Text, nullable=False),
    sa.Column("digest", Text, nullable=False, comment="SHA-256, hex"),
    sa.Column("user_id", Uuid, comment="whose it is; null for a worker token"),
    sa.Column("scopes", Text, comment="JSON array of permissions; null: all of the role"),
    sa.Column("queues", Text, comment="JSON array of names; null: every queue"),
    sa.Column("created_at", Micros, nullable=False),
    sa.Column("expires_at", Micros),
    sa.Column("last_used_at", Micros, comment="written once a minute at most"),
    sqlite_with_rowid=False,
)
sa.Index("ix_api_tokens_digest", api_tokens.c.digest, unique=True)
sa.Index("ix_api_tokens_user_id", api_tokens.c.user_id)

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
    sa.Column("created_at", Micros, nullable=False),
    sqlite_with_rowid=False,
)
