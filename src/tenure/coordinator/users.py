"""Accounts as administrators see and change them."""

from __future__ import annotations

from collections.abc import Callable

from tenure.coordinator import queries
from tenure.coordinator.accounts import shown
from tenure.coordinator.authentication import Authentication
from tenure.coordinator.passwords import Passwords
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

    async def add(self, asked: UserIn) -> User:
        """Make an account of any role. Raises Conflict when the name or e-mail is taken."""
        password = None
        if asked.password is not None:
            password = await self._passwords.hash(asked.password)
        user_id = self._ids.one(self._clock.now())
        user = NewUser(user_id, asked.called, asked.email, asked.role, password)
        await self._committer.run(lambda unit: store.add_user(unit, user), key=user_id)
        return await self.get(user_id)

    async def change(self, who: str, asked: UserEditIn) -> User:
        """Another role, locked out or let in again; what it holds is void within a second.

        Repeatable. Raises Conflict for the last administrator.
        """
        user_id = await self._id(who)
        role, disabled = asked.role, asked.disabled
        return await self._act(
            user_id, lambda unit: store.change_user(unit, user_id, role, disabled)
        )

    async def reset_password(self, who: str, password: str) -> User:
        """Set somebody's password; every session of it ends."""
        user_id = await self._id(who)
        new = await self._passwords.hash(password)
        return await self._act(user_id, lambda unit: store.set_password(unit, user_id, new))

    async def delete(self, who: str) -> None:
        """Delete an account, its sessions and API tokens; what it owns stays. Raises Conflict for
        the last administrator."""
        user_id = await self._id(who)
        await self._committer.run(lambda unit: store.delete_user(unit, user_id), key=user_id)
        self._authentication.forget()

    async def _act(self, user_id: str, verb: Callable[[Unit], UserRow]) -> User:
        user = await self._committer.run(verb, key=user_id)
        self._authentication.forget()
        return shown(user)

    async def _id(self, who: str) -> str:
        if is_id(who):
            return who
        user = await self._reader.run(lambda unit: store.find_user(unit, who.lower()))
        if user is None:
            raise UserNotFound(f"there is no user {who[:100]}")
        return user.id
