"""Accounts as administrators see and change them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenure.coordinator import queries, witness
from tenure.coordinator.accounts import shown
from tenure.coordinator.authentication import Authentication
from tenure.coordinator.passwords import Passwords
from tenure.domain.access import Principal
from tenure.domain.clock import Clock
from tenure.domain.errors import InvalidInput, UserNotFound
from tenure.domain.ids import IdSource, first_at, is_id
from tenure.store import accounts as store
from tenure.store.accounts import NewUser, UserRow
from tenure.store.committer import Committer
from tenure.store.reader import Reader
from tenure.store.unit import Unit
from tenure.wire.access import User, UserEditIn, UserIn
from tenure.wire.base import Page
from tenure.wire.text import unstorable


class Users:
    """Every method that names a user raises UserNotFound. `who` is an id, a name or an e-mail."""

    def __init__(
        self,
        committer: Committer,
        reader: Reader,
        ids: IdSource,
        clock: Clock,
        passwords: Passwords,
        authentication: Authentication,
    ) -> None:
        self._committer = committer
        self._reader = reader
        self._ids = ids
        self._clock = clock
        self._passwords = passwords
        self._authentication = authentication

    async def list(self, limit: int | None, after: str | None) -> Page[User]:
        """Users by id, which is order of creation, beyond the user `after`."""
        size = queries.bounded("limit", limit, queries.DEFAULT_PAGE, queries.MAX_PAGE)
        if after is not None and not is_id(after):
            raise InvalidInput.field("after", "must be the id of a user, from `next`")
        start = after or first_at(0)
        rows = await self._reader.run(lambda unit: store.list_users(unit, start, size))
        following = rows[-1].id if len(rows) == size else None
        return Page(items=[shown(row) for row in rows], next=following)

    async def get(self, who: str) -> User:
        """One user."""
        user_id = await self._id(who)
        return shown(await self._reader.run(lambda unit: store.get_user(unit, user_id)))

    async def add(self, principal: Principal, asked: UserIn) -> User:
        """Make an account of any role. Raises Conflict when the name or e-mail is taken."""
        password = None
        if asked.password is not None:
            password = await self._passwords.hash(asked.password)
        user_id = self._ids.one(self._clock.now())
        user = NewUser(user_id, asked.called, asked.email, asked.role, password)

        def add(unit: Unit) -> None:
            store.add_user(unit, user)
            after = _told(store.get_user(unit, user_id))
            witness.administered(unit, "user.create", principal, user_id, None, after)

        await self._committer.run(add, key=user_id)
        return await self.get(user_id)

    async def change(self, principal: Principal, who: str, asked: UserEditIn) -> User:
        """Another role, locked out or let in again; what it holds is void within a second.

        Repeatable. Raises Conflict for the last administrator.
        """
        user_id = await self._id(who)
        role, disabled = asked.role, asked.disabled

        def change(unit: Unit) -> UserRow:
            before = store.get_user(unit, user_id)
            user = store.change_user(unit, user_id, role, disabled)
            if user != before:
                told = (_told(before), _told(user))
                witness.administered(unit, "user.change", principal, user_id, *told)
            return user

        return await self._act(user_id, change)

    async def reset_password(self, principal: Principal, who: str, password: str) -> User:
        """Set somebody's password; every session of it ends."""
        user_id = await self._id(who)
        new = await self._passwords.hash(password)

        def reset(unit: Unit) -> UserRow:
            user = store.set_password(unit, user_id, new)
            witness.administered(unit, "user.password", principal, user_id)
            return user

        return await self._act(user_id, reset)

    async def delete(self, principal: Principal, who: str) -> None:
        """Delete an account, its sessions and API tokens; what it owns stays. Raises Conflict for
        the last administrator."""
        user_id = await self._id(who)

        def delete(unit: Unit) -> None:
            before = store.get_user(unit, user_id)
            store.delete_user(unit, user_id)
            witness.administered(unit, "user.delete", principal, user_id, _told(before))

        await self._committer.run(delete, key=user_id)
        self._authentication.forget()

    async def _act(self, user_id: str, verb: Callable[[Unit], UserRow]) -> User:
        user = await self._committer.run(verb, key=user_id)
        self._authentication.forget()
        return shown(user)

    async def _id(self, who: str) -> str:
        if is_id(who):
            return who
        user = None
        if not unstorable(who):
            user = await self._reader.run(lambda unit: store.find_user(unit, who.lower()))
        if user is None:
            raise UserNotFound(f"there is no user {who[:100]}")
        return user.id


def _told(user: UserRow) -> dict[str, Any]:
    """What the audit says of a user."""
    names = ("name", "email", "role")
    return {name: getattr(user, name) for name in names} | {"disabled": bool(user.disabled)}
