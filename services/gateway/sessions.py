"""Who is visiting, by cookies or by bearer token, and whether that session still lives."""

import time
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from services.gateway.clients import Auth
from services.gateway.cookies import Cookies
from shared.errors import Unauthenticated, Unavailable
from shared.logging import log
from shared.web.app import provided
from shared.web.identity import Identity, User, bearer_token

BELIEVED = 30.0  # seconds an answer about a session is believed
RETRY = 5.0  # seconds until auth is asked again after it could not answer
_MOST = 10_000  # sessions remembered


class Liveness:
    """Remembers for a short while which sessions live."""

    def __init__(
        self, ask: Callable[[UUID], Awaitable[bool]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the question to auth, which may raise `Unavailable`."""
        self._ask, self._clock = ask, clock
        self._known: dict[UUID, tuple[bool, float]] = {}

    async def is_alive(self, session_id: UUID) -> bool:
        """While auth is away a signed token suffices, so that people can go on reading."""
        alive, until = self._known.get(session_id, (False, 0.0))
        if self._clock() < until:
            return alive
        try:
            return self._remember(session_id, await self._ask(session_id), BELIEVED)
        except Unavailable:
            return self._remember(session_id, True, RETRY)

    def end(self, session_id: UUID) -> None:
        self._remember(session_id, False, BELIEVED)

    def _remember(self, session_id: UUID, alive: bool, seconds: float) -> bool:
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[session_id] = (alive, self._clock() + seconds)
        return alive


class Sessions:
    """Turns what a request carries into a user."""

    def __init__(self, auth: Auth, identity: Identity, cookies: Cookies) -> None:
        self._auth, self._identity, self._cookies = auth, identity, cookies
        self.liveness = Liveness(auth.is_alive)

    async def by_bearer(self, request: Request) -> User:
        """Raises `Unauthenticated` for all but a live session's access token."""
        user = self._identity.verify_user(bearer_token(request))
        if not await self.liveness.is_alive(user.session_id):
            raise Unauthenticated
        return user

    async def by_cookies(self, request: Request) -> User | None:
        """The visitor, with fresh cookies where the access token had run out."""
        user = self._by_access(self._cookies.read(request, "access"))
        if user is not None and await self.liveness.is_alive(user.session_id):
            return user
        return await self._by_session(request, self._cookies.read(request, "session"))

    async def begin(self, request: Request, email: str, password: str) -> None:
        """Log in; whatever session the browser had before ends."""
        tokens = await self._auth.log_in(email, password, "web")
        await self.end(request)
        self._cookies.keep(request, tokens, tokens.token or "")

    async def end(self, request: Request) -> None:
        """Log out: the cookies go in any case, the session as far as auth can be reached."""
        try:
            user = await self.by_cookies(request)
            if user is not None:
                self.liveness.end(user.session_id)
                await self._auth.log_out(user)
        except (Unauthenticated, Unavailable) as error:
            log.warning("session_not_ended", reason=error.code)
        self._cookies.forget(request)

    def _by_access(self, token: str) -> User | None:
        try:
            return self._identity.verify_user(token) if token else None
        except Unauthenticated:
            return None

    async def _by_session(self, request: Request, token: str) -> User | None:
        if not 0 < len(token) <= 200:  # noqa: PLR2004 - as auth takes them
            return None
        try:
            tokens = await self._auth.access(token)
            user = self._identity.verify_user(tokens.access_token)
        except Unauthenticated:
            self._cookies.forget(request)
            return None
        self._cookies.keep(request, tokens, token)
        return user


_bearer = HTTPBearer(auto_error=False, scheme_name="access token", bearerFormat="JWT")


async def _visitor(
    request: Request, sessions: Annotated[Sessions, provided(Sessions)]
) -> User | None:
    request.state.user = await sessions.by_cookies(request)
    found: User | None = request.state.user
    return found


Visitor = Annotated[User | None, Depends(_visitor)]


async def _web_user(visitor: Visitor) -> User:
    if visitor is None:
        raise Unauthenticated
    return visitor


async def _api_user(
    request: Request,
    sessions: Annotated[Sessions, provided(Sessions)],
    _: Annotated[object, Depends(_bearer)],
) -> User:
    return await sessions.by_bearer(request)


WebUser = Annotated[User, Depends(_web_user)]
ApiUser = Annotated[User, Depends(_api_user)]
