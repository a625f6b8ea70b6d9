"""API tokens for programs, worker tokens for workers."""

from __future__ import annotations

import msgspec

from tenure.coordinator import credentials, queries, witness
from tenure.coordinator.authentication import Authentication
from tenure.domain.access import GRANTS, Kind, Permission, Principal, Role, narrowed
from tenure.domain.clock import Clock
from tenure.domain.errors import Forbidden, InvalidInput, TokenNotFound
from tenure.domain.ids import IdSource, first_at, is_id
from tenure.store import tokens as store
from tenure.store.committer import Committer
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.wire.access import NewToken, Token, TokenIn
from tenure.wire.base import Page, maybe_time_out, time_out

_NAMES = msgspec.json.Decoder(list[str])
_KINDS = {"api": Kind.API_TOKEN, "worker": Kind.WORKER_TOKEN}


class Tokens:
    """A user sees and revokes its own tokens; who may administer, all of them."""

    def __init__(
        self,
        committer: Committer,
        reader: Reader,
        ids: IdSource,
        clock: Clock,
        authentication: Authentication,
    ) -> None:
        self._committer = committer
        self._reader = reader
        self._ids = ids
        self._clock = clock
        self._authentication = authentication

    async def create(self, principal: Principal, asked: TokenIn) -> NewToken:
        """Make a token; it is told only here, its digest is kept.

        Raises Forbidden when it could do more than the caller, InvalidInput.
        """
        now = self._clock.now()
        expires_at = await self._expiry(principal, asked.ends_at(now))
        if expires_at is not None and expires_at <= now:
            raise InvalidInput.field("expires_at", "must lie in the future")
        kind = _KINDS[asked.kind]
        worker = kind is Kind.WORKER_TOKEN
        if worker and not principal.may(Permission.ADMINISTER):
            raise Forbidden("only an administrator makes worker tokens")
        prefix = credentials.WORKER_TOKEN if worker else credentials.API_TOKEN
        token = credentials.new_token(prefix)
        kept = store.NewToken(
            id=self._ids.one(now),
            kind=kind,
            name=asked.name,
            digest=credentials.digest(token),
            user_id=None if worker else _user_id(principal),
            scopes=None if worker else _scopes(principal, asked.scopes),
            queues=asked.queues,
            expires_at=expires_at,
        )
        await self._committer.run(lambda unit: _add(unit, kept, principal))
        scopes, queues = kept.scopes, kept.queues
        return NewToken(
            id=kept.id,
            kind=asked.kind,
            name=kept.name,
            user_id=kept.user_id,
            scopes=None if scopes is None else list(scopes),
            queues=None if queues is None else list(queues),
            created_at=time_out(now),
            expires_at=maybe_time_out(expires_at),
            token=token,
        )

    async def _expiry(self, principal: Principal, asked: int | None) -> int | None:
        """What a token makes does not outlive it."""
        token_id = principal.token_id
        if token_id is None:
            return asked
        holder = await self._reader.run(lambda unit: store.holder_by_id(unit, token_id))
        own = None if holder is None else holder.expires_at
        return min((at for at in (asked, own) if at is not None), default=None)

    async def list(self, principal: Principal, limit: int | None, after: str | None) -> Page[Token]:
        """Tokens by id, which is order of creation, beyond the token `after`."""
        size = queries.bounded("limit", limit, queries.DEFAULT_PAGE, queries.MAX_PAGE)
        if after is not None and not is_id(after):
            raise InvalidInput.field("after", "must be the id of a token, from `next`")
        owner, start = _whose(principal), after or first_at(0)
        rows = await self._reader.run(lambda unit: store.list_tokens(unit, owner, start, size))
        following = rows[-1].id if len(rows) == size else None
        return Page(items=[_shown(row) for row in rows], next=following)

    async def revoke(self, principal: Principal, token_id: str) -> None:
        """Void a token, and the sessions of workers that registered with it. Raises
        TokenNotFound, also for somebody else's."""
        if not is_id(token_id):
            raise TokenNotFound(f"there is no token {token_id[:100]}")
        owner = _whose(principal)

        def revoke(unit: Unit) -> None:
            store.revoke(unit, token_id, owner)
            witness.administered(unit, "token.revoke", principal, token_id)

        await self._committer.run(revoke, key=token_id)
        self._authentication.forget()


def _add(unit: Unit, token: store.NewToken, principal: Principal) -> None:
    store.add_token(unit, token)
    names = ("kind", "name", "queues", "scopes", "expires_at")
    told = {name: getattr(token, name) for name in names}
    witness.administered(unit, "token.create", principal, token.id, None, told)


def _whose(principal: Principal) -> str | None:
    """Whose tokens the caller sees; None: everybody's."""
    return None if principal.may(Permission.ADMINISTER) else _user_id(principal)


def _user_id(principal: Principal) -> str:
    if principal.id is None or principal.role is Role.WORKER:
        raise Forbidden("an API token belongs to a user: log in first")
    return principal.id


def _scopes(principal: Principal, asked: tuple[Permission, ...] | None) -> list[str] | None:
    """The new token's scopes: those asked for, never more than the caller has."""
    if asked is None:
        own = principal.scopes
        return None if own is None else sorted(own - {Permission.OPEN, Permission.KNOWN})
    for scope in narrowed(asked):
        if scope not in GRANTS[principal.role] or not principal.may(scope):
            raise Forbidden(f"you may not {scope} yourself")
    return sorted(set(asked))


def _shown(row: store.TokenRow) -> Token:
    return Token(
        id=row.id,
        kind="worker" if row.kind == Kind.WORKER_TOKEN else "api",
        name=row.name,
        user_id=row.user_id,
        scopes=None if row.scopes is None else _NAMES.decode(row.scopes),
        queues=None if row.queues is None else _NAMES.decode(row.queues),
        created_at=time_out(row.created_at),
        expires_at=maybe_time_out(row.expires_at),
        last_used_at=maybe_time_out(row.last_used_at),
    )
