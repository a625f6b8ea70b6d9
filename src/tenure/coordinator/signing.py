"""What the installation's secret signs: access tokens of people, session tokens of workers."""

from __future__ import annotations

import base64
import hmac
import secrets
import uuid
from dataclasses import dataclass
from enum import IntEnum

import jwt

from tenure.domain.clock import SECOND, Clock
from tenure.domain.errors import Unauthenticated

ACCESS_SECONDS = 900
"""How long an access token lives."""
SESSION = "ws_"
MAX_TOKEN = 4096
"""Characters of the longest token that is looked at."""

_ALGORITHM = "HS256"
_ISSUER = "tenure"
_AUDIENCE = "tenure-api"
_CLAIMS = ["iss", "aud", "sub", "jti", "iat", "exp", "ver", "fam"]
_MAC_BYTES = 32
_SESSION_BYTES = 16 + 1 + 16 + _MAC_BYTES
_NOBODY = uuid.UUID(int=0)
_REFUSED = "this is no token of this installation"


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token says. `version` is the user's when it was made, `family` the login it
    descends from, `expires_at` in microseconds."""

    user_id: str
    version: int
    family: str
    expires_at: int


class Issuer(IntEnum):
    """By whose right a worker registered."""

    LOCAL = 0
    TOKEN = 1
    USER = 2


@dataclass(frozen=True, slots=True)
class WorkerSession:
    """What a worker's session token says. `issuer_id` is None for the local Admin."""

    worker_id: str
    issuer: Issuer
    issuer_id: str | None


class Signer:
    """Makes and reads signed tokens, each kind under a key of its own derived from one secret.

    Nothing can be signed or read before `adopt`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._access_key: bytes | None = None
        self._session_key: bytes | None = None

    def adopt(self, secret: str) -> None:
        """Use this secret from now on: what another one signed is void."""
        self._access_key = hmac.digest(secret.encode(), b"tenure access token", "sha256")
        self._session_key = hmac.digest(secret.encode(), b"tenure worker session", "sha256")

    def access_token(self, user_id: str, version: int, family: str) -> str:
        """A JWT that lives ACCESS_SECONDS."""
        now = self._clock.now() // SECOND
        claims = {
            "iss": _ISSUER, "aud": _AUDIENCE, "sub": user_id, "jti": secrets.token_urlsafe(16),
            "iat": now, "exp": now + ACCESS_SECONDS, "ver": version, "fam": family,
        }  # fmt: skip
        return jwt.encode(claims, _key(self._access_key), algorithm=_ALGORITHM)

    def read_access(self, token: str) -> Access:
        """What an access token of ours says. Raises Unauthenticated, also for an expired one."""
        try:
            claims = jwt.decode(
                token,
                _key(self._access_key),
                algorithms=[_ALGORITHM],
                issuer=_ISSUER,
                audience=_AUDIENCE,
                # The store's clock decides, not the one of this machine.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
            )
            found = Access(
                str(claims["sub"]), int(claims["ver"]), str(claims["fam"]),
                int(claims["exp"]) * SECOND,
            )  # fmt: skip
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
            raise Unauthenticated(_REFUSED) from None
        if found.expires_at <= self._clock.now():
            raise Unauthenticated("the token has expired")
        return found

    def session_token(self, session: WorkerSession) -> str:
        """A worker's credential. It lives as long as the right that its worker registered by."""
        issuer_id = _NOBODY if session.issuer_id is None else uuid.UUID(session.issuer_id)
        said = uuid.UUID(session.worker_id).bytes + bytes([session.issuer]) + issuer_id.bytes
        signed = said + hmac.digest(_key(self._session_key), said, "sha256")
        return SESSION + base64.urlsafe_b64encode(signed).decode().rstrip("=")

    def read_session(self, token: str) -> WorkerSession:
        """What a session token of ours says. Raises Unauthenticated."""
        text = token.removeprefix(SESSION)
        try:
            signed = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
        except ValueError:
            raise Unauthenticated(_REFUSED) from None
        said, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
        known = hmac.digest(_key(self._session_key), said, "sha256")
        if len(signed) != _SESSION_BYTES or not hmac.compare_digest(mac, known):
            raise Unauthenticated(_REFUSED)
        issuer_id = uuid.UUID(bytes=said[17:])
        return WorkerSession(
            str(uuid.UUID(bytes=said[:16])),
            Issuer(said[16]),
            None if issuer_id == _NOBODY else str(issuer_id),
        )


def _key(key: bytes | None) -> bytes:
    if key is None:
        raise RuntimeError("the coordinator has not started")
    return key
