"""What `tenure login` keeps: tokens by coordinator, in a file only its user may read."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tenure.client import access
from tenure.client.address import Address
from tenure.client.transport import Transport
from tenure.domain.clock import SECOND, wall_now
from tenure.domain.errors import ConfigurationError, Unauthenticated
from tenure.wire.access import LoggedIn

_EARLY_SECONDS = 60.0
"""A token is renewed so long before its end."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A login. `expires_at`: seconds since 1970, by this machine's clock; None for an API token,
    which has no `refresh_token` either. `name` is for people."""

    token: str
    name: str
    refresh_token: str | None = None
    expires_at: float | None = None

    @classmethod
    def of(cls, told: LoggedIn, name: str) -> Kept:
        """What the answer to a login is kept as."""
        return cls(told.token, name, told.refresh_token, wall_now() / SECOND + told.expires_in)


class Credentials:
    """The file of logins. Every method raises ConfigurationError when it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, url: str) -> Kept | None:
        """The login kept for a coordinator."""
        found = self._read().get(Address.parse(url).url)
        if not isinstance(found, dict):
            return None
        try:
            return Kept(**found)
        except TypeError:
            raise self._broken() from None

    def keep(self, url: str, kept: Kept | None) -> None:
        """Keep a login for a coordinator, or (None) forget it."""
        with self._locked():
            self._keep(url, kept)

    def renewed(self, url: str, used: Kept, renew: Callable[[str], LoggedIn]) -> Kept:
        """The login that stands after `used`: another process may have renewed it already.

        Raises Unauthenticated when the coordinator refuses, and forgets the login then.
        """
        with self._locked():
            kept = self.get(url)
            if kept is None or kept.refresh_token is None or kept.token != used.token:
                return kept or used
            try:
                told = renew(kept.refresh_token)
            except Unauthenticated:
                self._keep(url, None)
                raise Unauthenticated("the login has ended: run `tenure login` again") from None
            kept = Kept.of(told, kept.name)
            self._keep(url, kept)
            return kept

    def _keep(self, url: str, kept: Kept | None) -> None:
        entries, key = self._read(), Address.parse(url).url
        if kept is not None:
            entries[key] = asdict(kept)
        elif entries.pop(key, None) is None:
            return
        beside = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(number, "w", encoding="utf-8") as stream:
                json.dump(entries, stream, indent=2)
            beside.replace(self._path)
        except OSError as error:
            raise ConfigurationError(f"cannot write {self._path}: {error.strerror}") from None

    def _read(self) -> dict[str, Any]:
        try:
            entries = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise self._broken() from None
        if not isinstance(entries, dict):
            raise self._broken()
        return entries

    def _broken(self) -> ConfigurationError:
        return ConfigurationError(f"{self._path} cannot be read; delete it and log in again")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time: a refresh token that is used twice ends the login."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise ConfigurationError(f"cannot use {self._path}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


class KeptToken:
    """The access token of a kept login, renewed before it ends. For any thread."""

    def __init__(
        self, credentials: Credentials, url: str, kept: Kept, ca_file: str | None = None
    ) -> None:
        self._credentials = credentials
        self._url = url
        self._kept = kept
        self._ca_file = ca_file
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """The token. Raises Unauthenticated when the login has ended, Unreachable."""
        with self._lock:
            ends = self._kept.expires_at
            if ends is not None and wall_now() / SECOND > ends - _EARLY_SECONDS:
                self._kept = self._credentials.renewed(self._url, self._kept, self._renew)
            return self._kept.token

    def _renew(self, refresh_token: str) -> LoggedIn:
        call = access.refresh(refresh_token)
        with Transport(self._url, ca_file=self._ca_file) as transport:
            return call.decode(transport.request(call.method, call.path, body=call.body))
