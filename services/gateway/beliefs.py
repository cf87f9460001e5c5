"""What the gateway believes for a short while, so that auth is not asked at every request."""

import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from services.gateway.calls import QUICK
from services.gateway.clients import Auth
from services.gateway.memory import Beliefs, Clock
from shared.errors import DomainError, Unauthenticated, Unavailable
from shared.web.identity import User

BELIEVED = 30.0  # seconds an answer of auth is believed
RETRY = 5.0  # seconds until auth is asked again after it could not answer
CONFIRMED = 3600.0  # seconds; an address that is confirmed stays so
ENDED = 660.0  # seconds; by then every access token of an ended session has expired
REFRESH = 86_400.0  # seconds a refresh token is connected with its session
_API_TOKEN = re.compile(r"prv_[A-Za-z0-9_-]{8,190}")


class Liveness:
    """Which sessions live."""

    def __init__(
        self, ask: Callable[[UUID], Awaitable[bool]], clock: Clock = time.monotonic
    ) -> None:
        """Take the question to auth, which may raise `Unavailable`."""
        self._ask = ask
        self._alive = Beliefs[UUID, bool](clock)
        self._ended = Beliefs[UUID, bool](clock)
        self._refreshed = Beliefs[bytes, UUID](clock)

    async def is_alive(self, session_id: UUID) -> bool:
        """While auth is away a signed token suffices, so that people can go on reading."""
        if self._ended.recall(session_id):
            return False
        if self._alive.recall(session_id):
            return True
        try:
            alive = await self._ask(session_id)
        except Unavailable:
            return self._alive.remember(session_id, True, RETRY)
        if not alive:
            self.end(session_id)
            return False
        return self._alive.remember(session_id, True, BELIEVED)

    def end(self, session_id: UUID) -> None:
        self._ended.remember(session_id, True, ENDED)

    def forget(self) -> None:
        """Ask anew about every session that was alive."""
        self._alive.forget()

    def issued(self, refresh_token: str, session_id: UUID) -> None:
        """Note which session a refresh token belongs to."""
        self._refreshed.remember(digest(refresh_token), session_id, REFRESH)

    def refused(self, refresh_token: str) -> None:
        """A token that comes twice has ended its session: believe in that no longer."""
        session_id = self._refreshed.recall(digest(refresh_token))
        if session_id is not None:
            self.end(session_id)


class ApiTokens:
    """Whose an API token is: known by its digest, never by itself."""

    def __init__(
        self,
        exchange: Callable[[str], Awaitable[tuple[User, int]]],
        clock: Clock = time.monotonic,
    ) -> None:
        """Take the exchange for an access token and the seconds that one is good for."""
        self._exchange = exchange
        self._users = Beliefs[bytes, User](clock)
        self._until_expiry = Beliefs[bytes, User](clock)

    async def user(self, token: str) -> User:
        """Raises `Unauthenticated`; while auth is away the last access token serves on."""
        if not _API_TOKEN.fullmatch(token):
            raise Unauthenticated
        key = digest(token)
        believed = self._users.recall(key)
        if believed is not None:
            return believed
        try:
            user, seconds = await self._exchange(token)
        except Unavailable:
            last = self._until_expiry.recall(key)
            if last is None:
                raise
            return self._users.remember(key, last, RETRY)
        self._until_expiry.remember(key, user, seconds - BELIEVED)
        return self._users.remember(key, user, BELIEVED)

    def forget(self) -> None:
        """Ask about every token anew."""
        self._users.forget()
        self._until_expiry.forget()


class Unconfirmed:
    """Whose address is not confirmed yet, so that pages can say what that means."""

    def __init__(self, auth: Auth, clock: Clock = time.monotonic) -> None:
        self._auth = auth
        self._users = Beliefs[UUID, bool](clock)

    async def includes(self, user: User) -> bool:
        """When auth can't say: no, for a page must not wait for that."""
        believed = self._users.recall(user.user_id)
        if believed is not None:
            return believed
        try:
            account = await self._auth.me(user, QUICK)
        except DomainError:
            return self._users.remember(user.user_id, False, RETRY)
        unconfirmed = not account.email_confirmed
        return self._users.remember(
            user.user_id, unconfirmed, BELIEVED if unconfirmed else CONFIRMED
        )

    def forget(self) -> None:
        self._users.forget()


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
