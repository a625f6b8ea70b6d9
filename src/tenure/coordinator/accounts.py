"""Accounts of people: signing up, logging in, staying so, logging out."""

from __future__ import annotations

from tenure.coordinator import credentials, witness
from tenure.coordinator.authentication import Authentication
from tenure.coordinator.passwords import Passwords
from tenure.coordinator.signing import ACCESS_SECONDS, Signer
from tenure.domain.access import GRANTS, Kind, Permission, Principal, Role
from tenure.domain.clock import DAY, Clock
from tenure.domain.errors import Forbidden, Unauthenticated
from tenure.domain.ids import IdSource
from tenure.store import accounts as store
from tenure.store import sessions
from tenure.store.accounts import NewUser, UserRow
from tenure.store.audit import Entry, audit
from tenure.store.committer import Committer
from tenure.store.reader import Reader
from tenure.store.sessions import NewRefresh, Rotated
from tenure.store.unit import Unit
from tenure.wire.access import LoggedIn, LoginIn, Me, PasswordIn, SignUpIn, User
from tenure.wire.base import maybe_time_out, time_out

REFRESHABLE = 14 * DAY
"""Microseconds for which a refresh token is good."""
_WRONG = "the name or the password is wrong"


class Accounts:
    """What people do about their own accounts. Answers after the commit.

    `open_registration`: whether anybody may sign up.
    """

    def __init__(
        self,
        committer: Committer,
        reader: Reader,
        ids: IdSource,
        clock: Clock,
        signer: Signer,
        passwords: Passwords,
        authentication: Authentication,
        *,
        open_registration: bool,
    ) -> None:
        self._committer = committer
        self._reader = reader
        self._ids = ids
        self._clock = clock
        self._signer = signer
        self._passwords = passwords
        self._authentication = authentication
        self._open = open_registration

    async def register(self, asked: SignUpIn, address: str | None = None) -> User:
        """Make an account with the role user, for a caller at `address`. Raises Forbidden where
        that is for administrators, Conflict when the name or e-mail is taken."""
        if not self._open:
            raise Forbidden("registration is closed here, ask an administrator for an account")
        now = self._clock.now()
        user = NewUser(
            self._ids.one(now),
            asked.called,
            asked.email,
            Role.USER,
            await self._passwords.hash(asked.password),
        )
        who = Principal(Role.USER, user.id, user.name or user.email or "", address=address)

        def add(unit: Unit) -> None:
            store.add_user(unit, user)
            witness.administered(unit, "user.register", who, user.id)

        await self._committer.run(add, key=user.id)
        return shown(await self._reader.run(lambda unit: store.get_user(unit, user.id)))

    async def login(self, asked: LoginIn, address: str | None = None) -> LoggedIn:
        """Begin a session, for a caller at `address`. Raises Unauthenticated, alike for an unknown
        user, a wrong password and an account that is locked."""
        user = await self._reader.run(lambda unit: store.find_user(unit, asked.login))
        verdict = await self._passwords.check(user and user.password, asked.password)
        if user is None or not verdict.good:
            await self._note_failure(asked.login, address)
            raise Unauthenticated(_WRONG)
        if verdict.newer is not None:
            known, newer = user, verdict.newer
            await self._committer.run(lambda unit: store.rehash(unit, known, newer), key=user.id)
        return await self._begin(user, address)

    async def _note_failure(self, login: str, address: str | None) -> None:
        entry = Entry("user.login_failed", None, "user", login, address=address)
        await self._committer.run(lambda unit: audit(unit, [entry]))

    async def _begin(self, user: UserRow, address: str | None) -> LoggedIn:
        family, token, refresh = self._ids.one(self._clock.now()), *self._refresh_token()
        who = Principal(Role(user.role), user.id, user.name or user.email or "", address=address)

        def begin(unit: Unit) -> UserRow | None:
            found = sessions.open_session(unit, user, family, refresh)
            if found is not None:
                witness.administered(unit, "user.login", who, user.id)
            return found

        found = await self._committer.run(begin, key=user.id)
        if found is None:
            await self._note_failure(user.name or user.email or "", address)
            raise Unauthenticated(_WRONG)
        return self._logged_in(found, family, token)

    async def refresh(self, refresh_token: str, address: str | None = None) -> LoggedIn:
        """The next pair of tokens, for a caller at `address`. Raises Unauthenticated; a refresh
        token that was used before also ends the login it is of, since somebody else has a copy."""
        token, refresh = self._refresh_token()
        used = credentials.digest(refresh_token)

        def rotate(unit: Unit) -> Rotated | None:
            found = sessions.rotate(unit, used, refresh)
            if found is not None and found.reused:
                user, told = found.user.id, {"login": "ended"}
                reused = Entry("user.token_reused", None, "user", user, None, None, told, address)
                audit(unit, [reused])
            return found

        rotated = await self._committer.run(rotate)
        if rotated is None or rotated.reused:
            self._authentication.forget()  # a whole login may have ended
            raise Unauthenticated("the refresh token is not good any more, log in again")
        return self._logged_in(rotated.user, rotated.family_id, token)

    async def logout(self, refresh_token: str | None, access_token: str | None) -> None:
        """End a login: its tokens stop within a second. Raises Unauthenticated."""
        if refresh_token is not None:
            given = credentials.digest(refresh_token)
            family = await self._reader.run(lambda unit: sessions.family_of(unit, given))
        elif access_token is not None:
            family = self._signer.read_access(access_token).family
        else:
            raise Unauthenticated("send the refresh_token of the login to end")
        if family is not None:
            ended = family
            await self._committer.run(lambda unit: sessions.end_family(unit, ended))
            self._authentication.forget()

    async def me(self, principal: Principal) -> Me:
        """Who asks."""
        email = None
        if principal.kind in (Kind.USER, Kind.API_TOKEN):
            user_id = principal.id or ""
            email = (await self._reader.run(lambda unit: store.get_user(unit, user_id))).email
        queues = None if principal.queues is None else sorted(principal.queues)
        may = {p for p in GRANTS[principal.role] if principal.may(p)}
        return Me(
            id=principal.id,
            name=principal.name,
            email=email,
            role=principal.role,
            kind=principal.kind,
            permissions=sorted(may - {Permission.OPEN, Permission.KNOWN}),
            queues=queues,
        )

    async def change_password(self, principal: Principal, asked: PasswordIn) -> LoggedIn:
        """Change one's own password: every session ends but the one this answers.

        Raises Unauthenticated when the current one is wrong, Forbidden without an account.
        """
        if principal.kind not in (Kind.USER, Kind.API_TOKEN) or principal.id is None:
            raise Forbidden("only a user has a password")
        user_id = principal.id
        user = await self._reader.run(lambda unit: store.get_user(unit, user_id))
        if not (await self._passwords.check(user.password, asked.current_password)).good:
            await self._note_failure(principal.name, principal.address)
            raise Unauthenticated("the current password is wrong")
        new = await self._passwords.hash(asked.new_password)

        def change(unit: Unit) -> UserRow:
            found = store.set_password(unit, user_id, new, user)
            witness.administered(unit, "user.password", principal, user_id)
            return found

        changed = await self._committer.run(change, key=user_id)
        self._authentication.forget()
        return await self._begin(changed, principal.address)

    def _refresh_token(self) -> tuple[str, NewRefresh]:
        token = credentials.new_token(credentials.REFRESH_TOKEN)
        return token, NewRefresh(credentials.digest(token), self._clock.now() + REFRESHABLE)

    def _logged_in(self, user: UserRow, family: str, refresh_token: str) -> LoggedIn:
        return LoggedIn(
            token=self._signer.access_token(user.id, user.version, family),
            refresh_token=refresh_token,
            expires_in=ACCESS_SECONDS,
            user_id=user.id,
            email=user.email,
            role=user.role,
        )


def shown(user: UserRow) -> User:
    """A user as it is answered."""
    return User(
        id=user.id,
        name=user.name,
        email=user.email,
        role=user.role,
        disabled=bool(user.disabled),
        has_password=user.password is not None,
        created_at=time_out(user.created_at),
        last_login_at=maybe_time_out(user.last_login_at),
    )
