"""What an installation makes for itself when it starts: its secret, the first administrator, and
the token that its workers join with."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path

from loguru import logger

from tenure.coordinator import credentials
from tenure.coordinator.signing import Signer
from tenure.domain.access import Kind, Role
from tenure.domain.clock import Clock
from tenure.domain.errors import ConfigurationError
from tenure.domain.ids import IdSource
from tenure.settings import Settings
from tenure.store.accounts import NewUser, add_user, find_user, has_admin
from tenure.store.audit import Entry, audit
from tenure.store.committer import Committer
from tenure.store.reader import Reader
from tenure.store.secrets import keep_secret, read_secret
from tenure.store.tokens import NewToken, add_token, holder_of
from tenure.store.unit import Unit

ADMIN_TOKEN_FILE = "tenure-admin.token"  # noqa: S105 - a file's name
_SECRET = "signing"  # noqa: S105
_SECRET_BYTES = 32
_FIRST = "first administrator"
"""Kept once: who keeps it makes the administrator, however many coordinators start."""
_ADMIN = "admin"
_MAX_FILE = 1_000


class Installation:
    """`prepare` is legal at every start, and in several coordinators at once."""

    def __init__(
        self,
        committer: Committer,
        reader: Reader,
        ids: IdSource,
        clock: Clock,
        signer: Signer,
        settings: Settings,
        directory: Path,
    ) -> None:
        self._committer = committer
        self._reader = reader
        self._ids = ids
        self._clock = clock
        self._signer = signer
        self._settings = settings
        self._directory = directory

    async def prepare(self) -> None:
        """Make what is missing. Raises ConfigurationError when a file cannot be written."""
        self._signer.adopt(self._settings.secret_key or await self._secret())
        if self._settings.auth == "required":
            await self._first_admin()
            if self._settings.worker_token_file is not None:
                await self._worker_token(Path(self._settings.worker_token_file))

    async def _secret(self) -> str:
        """The secret that the coordinators of a store share."""
        found = await self._reader.run(lambda unit: read_secret(unit, _SECRET))
        if found is None:
            made = secrets.token_urlsafe(_SECRET_BYTES)
            found = await self._committer.run(lambda unit: keep_secret(unit, _SECRET, made))
        return found

    async def _first_admin(self) -> None:
        if await self._reader.run(has_admin):
            return
        path = Path(self._settings.admin_token_file or self._directory / ADMIN_TOKEN_FILE)
        token = credentials.new_token(credentials.API_TOKEN)
        # Written before the commit, so that there is never an administrator without a token.
        waiting = await asyncio.to_thread(_write_beside, path, token)
        if not await self._committer.run(lambda unit: self._add_admin(unit, token)):
            waiting.unlink()  # another coordinator was first
            return
        waiting.replace(path)
        logger.bind(path=str(path)).warning("the first administrator's token is in this file")

    def _add_admin(self, unit: Unit, token: str) -> bool:
        user_id = self._ids.one(self._clock.now())
        if keep_secret(unit, _FIRST, user_id) != user_id:
            return False
        taken = find_user(unit, _ADMIN) is not None
        name = f"{_ADMIN}-{secrets.token_hex(4)}" if taken else _ADMIN
        add_user(unit, NewUser(user_id, name, None, Role.ADMIN, None))
        add_token(unit, self._token(Kind.API_TOKEN, "first administrator", token, user_id))
        told = {"name": name, "role": Role.ADMIN.value}
        audit(unit, [Entry("user.create", None, "user", user_id, "first start", None, told)])
        return True

    async def _worker_token(self, path: Path) -> None:
        """Keep a good worker token in a file. One that was revoked is replaced."""
        digest = credentials.digest(await asyncio.to_thread(_read, path))
        if await self._reader.run(lambda unit: holder_of(unit, digest)) is not None:
            return
        token = credentials.new_token(credentials.WORKER_TOKEN)
        kept = self._token(Kind.WORKER_TOKEN, f"file {path.name}", token, None)
        waiting = await asyncio.to_thread(_write_beside, path, token)

        def add(unit: Unit) -> None:
            add_token(unit, kept)
            told = {"kind": kept.kind, "name": kept.name}
            entry = Entry("token.create", None, "token", kept.id, "for workers", None, told)
            audit(unit, [entry])

        await self._committer.run(add)
        waiting.replace(path)
        logger.bind(path=str(path)).info("a token for workers is in this file")

    def _token(self, kind: Kind, name: str, token: str, user_id: str | None) -> NewToken:
        token_id = self._ids.one(self._clock.now())
        return NewToken(token_id, kind, name, credentials.digest(token), user_id)


def _read(path: Path) -> str:
    """What a file holds, nothing when it is not there. Raises ConfigurationError."""
    try:
        with path.open(encoding="utf-8") as stream:
            return stream.read(_MAX_FILE).strip()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None


def _write_beside(path: Path, text: str) -> Path:
    """Write a file only this account may read, ready to take the place of `path`; its path."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(number)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    return beside
