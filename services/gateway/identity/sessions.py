"""Authentication by cookies or bearer tokens, and the life cycle of sessions."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from services.gateway.clients import AuthClient
from services.gateway.errors import ChallengeInvalid, SecondFactorRequired
from services.gateway.identity.auth_cache import ActiveSessions, ApiTokenCache, UnconfirmedEmails
from services.gateway.identity.client_info import ClientInfoReader
from services.gateway.identity.cookies import Cookies
from services.gateway.identity.renewing_user import RENEWAL, Renewal, RenewingUser
from shared.contracts.http.auth import Challenged, Client, Tokens
from shared.errors import OutcomeUnknown, Unauthenticated, Unavailable
from shared.logging import log
from shared.web.app import provided
from shared.web.identity import Identity, User, bearer_token
from shared.web.routes import EarlyDependency

MAX_SESSION_TOKEN = 200  # characters; auth accepts no more
API_TOKEN = "prv_"  # noqa: S105 - a prefix


class Sessions:
    """Authenticates requests, and begins and ends sessions."""

    def __init__(
        self,
        auth: AuthClient,
        identity: Identity,
        cookies: Cookies,
        client_infos: ClientInfoReader,
        renewal: Renewal = RENEWAL,
    ) -> None:
        self._auth, self._identity, self._renewal = auth, identity, renewal
        self._cookies, self._client_infos = cookies, client_infos
        self.active = ActiveSessions(auth.is_active)
        self.api_tokens = ApiTokenCache(self._exchange)
        self.unconfirmed = UnconfirmedEmails(auth)

    async def by_bearer(self, request: Request) -> User:
        """The user of a bearer token; raises `Unauthenticated` for an invalid or revoked one."""
        token = bearer_token(request)
        if token.startswith(API_TOKEN):
            return await self.api_tokens.user(token)
        user = self._identity.verify_user(token)
        if not await self.active.is_active(user.session_id):
            raise Unauthenticated
        return user

    async def by_cookies(self, request: Request) -> User | None:
        """The logged-in user; an expired access cookie is renewed by the session cookie."""
        user = self.by_signature(request)
        if user is not None and await self.active.is_active(user.session_id):
            return user
        return await self._by_session(request, self._cookies.read(request, "session"))

    def by_signature(self, request: Request) -> User | None:
        """The user of a valid access cookie; the session may have ended."""
        token = self._cookies.read(request, "access")
        try:
            return self._identity.verify_user(token) if token else None
        except Unauthenticated:
            return None

    async def log_in(self, request: Request, email: str, password: str) -> None:
        """Log in; the browser's previous session ends."""
        begun = await self._auth.log_in(email, password, "web", self._client_infos.browser(request))
        await self.open(request, begun)

    async def log_in_by_link(self, request: Request, token: str) -> None:
        """Log in by the link of a mail."""
        await self.open(
            request, await self._auth.log_in_by_link(token, self._client_infos.browser(request))
        )

    async def finish_login(self, request: Request, code: str) -> None:
        """Complete a login with a code; raises `ChallengeInvalid` without a challenge cookie."""
        challenge = self._cookies.read(request, "challenge")
        if not 0 < len(challenge) <= MAX_SESSION_TOKEN:
            raise ChallengeInvalid
        client = self._client_infos.browser(request)
        tokens = await self._auth.finish_login(challenge, code, client)
        self._cookies.write(request, "challenge", "", 0)
        await self.open(request, tokens)

    async def open(self, request: Request, begun: Tokens | Challenged) -> None:
        """Store a session that auth has begun; the browser's previous session ends.

        Raises `SecondFactorRequired` if auth requires a code; `finish_login` takes it.
        """
        if isinstance(begun, Challenged):
            self._cookies.write(request, "challenge", begun.challenge, begun.expires_in)
        tokens = _tokens(begun)
        await self.end(request)
        self._cookies.store_session(request, tokens, tokens.token or "")

    async def end(self, request: Request) -> None:
        """Log out. If auth is unavailable, only the cookies are cleared."""
        try:
            user = await self.by_cookies(request)
            if user is not None:
                self.active.end(user.session_id)
                await self._auth.log_out(user)
        except (Unauthenticated, Unavailable, OutcomeUnknown) as error:
            log.warning("session_not_ended", reason=error.code)
        self._cookies.clear(request)

    async def log_in_api(self, email: str, password: str, client_info: Client) -> Tokens:
        """Log a program in; raises `SecondFactorRequired` with the challenge."""
        tokens = _tokens(await self._auth.log_in(email, password, "api", client_info))
        self.active.issued(tokens.token or "", tokens.session_id)
        return tokens

    async def finish_api_login(self, challenge: str, code: str, client_info: Client) -> Tokens:
        tokens = await self._auth.finish_login(challenge, code, client_info)
        self.active.issued(tokens.token or "", tokens.session_id)
        return tokens

    async def refresh(self, token: str) -> Tokens:
        """New tokens of an API session. A refresh token used twice ends the session."""
        try:
            tokens = await self._auth.refresh(token)
        except Unauthenticated:
            self.active.refused(token)
            raise
        self.active.issued(token, tokens.session_id)
        self.active.issued(tokens.token or "", tokens.session_id)
        return tokens

    def mark_ended(self, user: User) -> None:
        """Record that this session has ended, and possibly others."""
        self.active.end(user.session_id)
        self.invalidate_all()

    def mark_revoked(self, token_id: UUID) -> None:
        """Record that an API token is revoked; its id is the session id of its event streams."""
        self.active.end(token_id)
        self.api_tokens.invalidate_all()

    def invalidate_all(self) -> None:
        """Clear the caches, after other sessions or tokens have ended."""
        self.active.invalidate_all()
        self.api_tokens.invalidate_all()
        self.unconfirmed.invalidate_all()

    def renewing_user(self, request: Request) -> RenewingUser:
        """The user of a long request."""
        return RenewingUser(partial(self._renew, request), self._renewal)

    async def _renew(self, request: Request, last: User | None = None) -> User:
        """The user with a new access token.

        `last` is the previous result, whose token is still valid. Raises `Unauthenticated` if the
        session or API token has ended.
        """
        if request.headers.get("authorization"):
            if last is None or last.scopes is not None:
                return await self.by_bearer(request)
            return self._identity.verify_user((await self._auth.prolong(last)).access_token)
        token = self._cookies.read(request, "session")
        tokens = await self._auth.access(token, self._client_infos.program(request))
        return self._identity.verify_user(tokens.access_token)

    async def _by_session(self, request: Request, token: str) -> User | None:
        if not 0 < len(token) <= MAX_SESSION_TOKEN:
            return None
        try:
            tokens = await self._auth.access(token, self._client_infos.program(request))
            user = self._identity.verify_user(tokens.access_token)
        except Unauthenticated:
            self._cookies.clear(request)
            return None
        self._cookies.store_session(request, tokens, token)
        return user

    async def _exchange(self, token: str) -> tuple[User, int]:
        tokens = await self._auth.access_of_token(token)
        return self._identity.verify_user(tokens.access_token), tokens.expires_in


def _tokens(begun: Tokens | Challenged) -> Tokens:
    if isinstance(begun, Challenged):
        raise SecondFactorRequired(**begun.model_dump())
    return begun


_bearer = HTTPBearer(auto_error=False, scheme_name="access token", bearerFormat="JWT")


async def _optional_user(
    request: Request, sessions: Annotated[Sessions, provided(Sessions)]
) -> User | None:
    user = await sessions.by_cookies(request)
    request.state.user = user
    if user is not None:
        request.state.unconfirmed = await sessions.unconfirmed.includes(user)
    return user


OptionalUser = Annotated[User | None, Depends(_optional_user)]


async def _web_user(user: OptionalUser) -> User:
    if user is None:
        raise Unauthenticated
    return user


async def _by_bearer(request: Request) -> User:
    sessions: Sessions = request.app.state.provided[Sessions]
    return await sessions.by_bearer(request)


async def _api_user(
    user: Annotated[User, Depends(EarlyDependency(_by_bearer))],
    _: Annotated[object, Depends(_bearer)],
) -> User:
    return user


WebUser = Annotated[User, Depends(_web_user)]
ApiUser = Annotated[User, Depends(_api_user)]


async def _by_bearer_if_any(request: Request) -> User | None:
    return await _by_bearer(request) if "authorization" in request.headers else None


async def _optional_api_user(
    user: Annotated[User | None, Depends(EarlyDependency(_by_bearer_if_any))],
    _: Annotated[object, Depends(_bearer)],
) -> User | None:
    return user


OptionalApiUser = Annotated[User | None, Depends(_optional_api_user)]
