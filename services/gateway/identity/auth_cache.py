"""Caches of auth's answers about sessions, API tokens and addresses."""

import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from services.gateway.clients import AuthClient
from services.gateway.clients.optional import QUICK_TIMEOUT
from services.gateway.clients.ttl_cache import Clock, TtlCache
from shared.errors import DomainError, Unauthenticated, Unavailable
from shared.web.identity import User

TTL = 30.0  # seconds
RETRY_AFTER = 5.0  # seconds until the next call after auth was unavailable
CONFIRMED_TTL = 3600.0  # seconds; a confirmed address stays confirmed
ENDED_TTL = 660.0  # seconds; by then every access token of an ended session has expired
REFRESH_TTL = 86_400.0  # seconds the session of a refresh token is remembered
_API_TOKEN = re.compile(r"prv_[A-Za-z0-9_-]{8,190}")


class ActiveSessions:
    """Caches which sessions are active."""

    def __init__(
        self, ask: Callable[[UUID], Awaitable[bool]], clock: Clock = time.monotonic
    ) -> None:
        """`ask` asks auth, and may raise `Unavailable`."""
        self._ask = ask
        self._active = TtlCache[UUID, bool](clock)
        self._ended = TtlCache[UUID, bool](clock)
        self._refreshed = TtlCache[bytes, UUID](clock)

    async def is_active(self, session_id: UUID) -> bool:
        """While auth is unavailable, sessions count as active unless they are cached as ended."""
        if self._ended.get(session_id):
            return False
        if self._active.get(session_id):
            return True
        try:
            active = await self._ask(session_id)
        except Unavailable:
            return self._active.set(session_id, True, RETRY_AFTER)
        if not active:
            self.end(session_id)
            return False
        return self._active.set(session_id, True, TTL)

    def end(self, session_id: UUID) -> None:
        self._ended.set(session_id, True, ENDED_TTL)

    def invalidate_all(self) -> None:
        """Forget which sessions are active."""
        self._active.clear()

    def issued(self, refresh_token: str, session_id: UUID) -> None:
        """Remember the session of a refresh token."""
        self._refreshed.set(digest(refresh_token), session_id, REFRESH_TTL)

    def refused(self, refresh_token: str) -> None:
        """A refused refresh token was used before, which has ended its session."""
        session_id = self._refreshed.get(digest(refresh_token))
        if session_id is not None:
            self.end(session_id)


class ApiTokenCache:
    """Caches the users of API tokens, by the SHA-256 of the token."""

    def __init__(
        self,
        exchange: Callable[[str], Awaitable[tuple[User, int]]],
        clock: Clock = time.monotonic,
    ) -> None:
        """`exchange` gets the user with an access token, and the seconds until it expires."""
        self._exchange = exchange
        self._users = TtlCache[bytes, User](clock)
        self._until_expiry = TtlCache[bytes, User](clock)

    async def user(self, token: str) -> User:
        """Raises `Unauthenticated`. While auth is unavailable, the last access token is used."""
        if not _API_TOKEN.fullmatch(token):
            raise Unauthenticated
        key = digest(token)
        cached = self._users.get(key)
        if cached is not None:
            return cached
        try:
            user, seconds = await self._exchange(token)
        except Unavailable:
            last = self._until_expiry.get(key)
            if last is None:
                raise
            return self._users.set(key, last, RETRY_AFTER)
        self._until_expiry.set(key, user, seconds - TTL)
        return self._users.set(key, user, TTL)

    def invalidate_all(self) -> None:
        """Forget all tokens."""
        self._users.clear()
        self._until_expiry.clear()


class UnconfirmedEmails:
    """Caches which users have an unconfirmed address; pages show a notice to them."""

    def __init__(self, auth: AuthClient, clock: Clock = time.monotonic) -> None:
        self._auth = auth
        self._users = TtlCache[UUID, bool](clock)

    async def includes(self, user: User) -> bool:
        """False if auth does not answer in time."""
        cached = self._users.get(user.user_id)
        if cached is not None:
            return cached
        try:
            account = await self._auth.me(user, QUICK_TIMEOUT)
        except DomainError:
            return self._users.set(user.user_id, False, RETRY_AFTER)
        unconfirmed = not account.email_confirmed
        return self._users.set(user.user_id, unconfirmed, TTL if unconfirmed else CONFIRMED_TTL)

    def invalidate_all(self) -> None:
        self._users.clear()


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
