"""The client of auth."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import httpx2

from services.gateway.clients.optional import QUICK_TIMEOUT
from shared.contracts.auth import Language
from shared.contracts.http.auth import (
    Account,
    ApiTokenList,
    ApiTokenRequest,
    Challenged,
    Client,
    Confirmation,
    ConfirmationResult,
    EmailChange,
    EmailChangeResult,
    EndedSessions,
    Export,
    FactorCode,
    Link,
    LinkLogin,
    LinkLookup,
    Login,
    LoginCode,
    LoginResult,
    NewApiToken,
    OwnConfirmation,
    PasswordAndCode,
    PasswordChange,
    PasswordForgotten,
    PasswordProof,
    PasswordReset,
    PreferenceChanges,
    RecoveryCodes,
    Registration,
    SecondFactor,
    SecondFactorSetup,
    SecurityPage,
    SessionList,
    SessionToken,
    Tokens,
    WebSessionToken,
)
from shared.errors import NotFound
from shared.web.client import TIMEOUT, ServiceClient, body, read
from shared.web.identity import User

_FACTOR = "/internal/me/second-factor"


class AuthClient(ServiceClient):
    """Accounts, sessions and tokens. Errors of auth are raised with their code and params."""

    async def register(
        self, email: str, password: str, language: Language, client: Client, cookie: str = ""
    ) -> None:
        """`cookie` identifies the browser when it confirms the address."""
        sent = body(
            Registration,
            email=email,
            password=password,
            language=language,
            client=client,
            cookie=cookie,
        )
        await self.as_service("POST", "/internal/users", body=sent)

    async def log_in(
        self, email: str, password: str, kind: Literal["web", "api"], client: Client
    ) -> Tokens | Challenged:
        sent = body(Login, email=email, password=password, kind=kind, client=client)
        answer = await self.as_service("POST", "/internal/sessions", body=sent)
        return read(LoginResult, answer).root

    async def log_in_by_link(self, token: str, client: Client) -> Tokens | Challenged:
        """Use up the link of a mail that begins a web session; raises auth's `link_invalid`."""
        sent = body(LinkLogin, token=token, client=client)
        answer = await self.as_service("POST", "/internal/sessions/by-link", body=sent)
        return read(LoginResult, answer).root

    async def finish_login(self, challenge: str, code: str, client: Client) -> Tokens:
        """Begin the session that waits for a code; raises auth's `challenge_invalid`."""
        path = "/internal/sessions/second-factor"
        sent = body(LoginCode, challenge=challenge, code=code, client=client)
        return read(Tokens, await self.as_service("POST", path, body=sent))

    async def refresh(self, token: str) -> Tokens:
        """Exchange the refresh token of an API session for new tokens."""
        sent = body(SessionToken, token=token)
        return read(Tokens, await self.as_service("POST", "/internal/sessions/refresh", body=sent))

    async def access(self, token: str, client: Client) -> Tokens:
        """A new access token of a web session."""
        path = "/internal/sessions/access"
        sent = body(WebSessionToken, token=token, client=client)
        return read(Tokens, await self.as_service("POST", path, body=sent, asks=True))

    async def prolong(self, user: User) -> Tokens:
        """A new access token of a session, by its current one."""
        path = "/internal/sessions/current/access"
        return read(Tokens, await self.as_user(user, "POST", path, asks=True))

    async def access_of_token(self, token: str) -> Tokens:
        """An access token with the scopes of an API token (`prv_…`)."""
        path, sent = "/internal/tokens/access", body(SessionToken, token=token)
        answer = await self.as_service("POST", path, body=sent, asks=True, timeout=QUICK_TIMEOUT)
        return read(Tokens, answer)

    async def is_active(self, session_id: UUID) -> bool:
        try:
            await self.as_service("GET", f"/internal/sessions/{session_id}", timeout=QUICK_TIMEOUT)
        except NotFound:
            return False
        return True

    async def log_out(self, user: User) -> None:
        await self.as_user(user, "DELETE", "/internal/sessions/current")

    async def sessions(self, user: User) -> SessionList:
        return read(SessionList, await self.as_user(user, "GET", "/internal/sessions"))

    async def end_session(self, user: User, session_id: UUID) -> None:
        await self.as_user(user, "DELETE", f"/internal/sessions/{session_id}")

    async def end_other_sessions(self, user: User) -> EndedSessions:
        return read(EndedSessions, await self.as_user(user, "DELETE", "/internal/sessions"))

    async def link(self, token: str, cookie: str = "") -> Link:
        """The link of a mail. It stays valid. Raises auth's `link_invalid`."""
        sent = body(LinkLookup, token=token, cookie=cookie)
        answer = await self.as_service(
            "POST", "/internal/links", body=sent, asks=True, timeout=QUICK_TIMEOUT
        )
        return read(Link, answer)

    async def confirm(
        self,
        token: str,
        client: Client,
        *,
        password: str | None = None,
        cookie: str = "",
        log_in: bool = False,
    ) -> ConfirmationResult:
        """Use up the link of a mail, with the account's password or the registration cookie.

        With `log_in`, also begin a web session. Raises auth's `link_invalid`,
        `password_or_login_required`.
        """
        sent = body(
            Confirmation,
            token=token,
            password=password,
            cookie=cookie,
            log_in=log_in,
            client=client,
        )
        answer = await self.as_service("POST", "/internal/confirmations", body=sent)
        return read(ConfirmationResult, answer)

    async def confirm_own(self, user: User, token: str) -> ConfirmationResult:
        """Use up a link of the logged-in user; raises the same as `confirm`."""
        sent = body(OwnConfirmation, token=token)
        answer = await self.as_user(user, "POST", "/internal/me/confirmations", body=sent)
        return read(ConfirmationResult, answer)

    async def confirm_again(self, user: User) -> None:
        """Send the mail with the link again."""
        await self.as_user(user, "POST", "/internal/confirmations/again")

    async def forgot_password(self, email: str, client: Client) -> None:
        sent = body(PasswordForgotten, email=email, client=client)
        await self.as_service("POST", "/internal/password-resets", body=sent)

    async def reset_password(self, token: str, password: str, client: Client) -> None:
        """Set a password by the link of a mail; all sessions end."""
        sent = body(PasswordReset, token=token, password=password, client=client)
        await self.as_service("PUT", "/internal/password-resets", body=sent)

    async def me(self, user: User, within: httpx2.Timeout = TIMEOUT) -> Account:
        return read(Account, await self.as_user(user, "GET", "/internal/me", timeout=within))

    async def change(self, user: User, changes: dict[str, Any]) -> Account:
        """Change the given preferences."""
        sent = body(PreferenceChanges, **changes)
        return read(Account, await self.as_user(user, "PATCH", "/internal/me", body=sent))

    async def change_password(
        self, user: User, current: str, new: str, *, revoke_tokens: bool
    ) -> None:
        """All other sessions end; with `revoke_tokens` the API tokens are revoked as well."""
        sent = body(
            PasswordChange,
            current_password=current,
            new_password=new,
            revoke_tokens=revoke_tokens,
        )
        await self.as_user(user, "POST", "/internal/me/password", body=sent)

    async def change_email(self, user: User, password: str, email: str) -> bool:
        """Request a new address, to be confirmed. False if the account has it already."""
        sent = body(EmailChange, password=password, email=email)
        answer = await self.as_user(user, "POST", "/internal/me/email", body=sent)
        return read(EmailChangeResult, answer).mailed

    async def second_factor(self, user: User) -> SecondFactor:
        return read(SecondFactor, await self.as_user(user, "GET", _FACTOR))

    async def begin_factor(self, user: User, password: str) -> SecondFactorSetup:
        """The secret for an app; `confirm_factor` enables it."""
        sent = body(PasswordProof, password=password)
        return read(SecondFactorSetup, await self.as_user(user, "POST", _FACTOR, body=sent))

    async def confirm_factor(self, user: User, code: str) -> RecoveryCodes:
        sent = body(FactorCode, code=code)
        return read(RecoveryCodes, await self.as_user(user, "PUT", _FACTOR, body=sent))

    async def disable_factor(self, user: User, password: str, code: str) -> None:
        sent = body(PasswordAndCode, password=password, code=code)
        await self.as_user(user, "DELETE", _FACTOR, body=sent)

    async def make_recovery_codes(self, user: User, password: str, code: str) -> RecoveryCodes:
        """The previous codes stop working."""
        path, sent = (
            f"{_FACTOR}/recovery-codes",
            body(PasswordAndCode, password=password, code=code),
        )
        return read(RecoveryCodes, await self.as_user(user, "POST", path, body=sent))

    async def tokens(self, user: User) -> ApiTokenList:
        return read(ApiTokenList, await self.as_user(user, "GET", "/internal/tokens"))

    async def make_token(
        self, user: User, name: str, scopes: Sequence[str], expires_in_days: int
    ) -> NewApiToken:
        wish = {"name": name, "scopes": list(scopes), "expires_in_days": expires_in_days}
        sent = body(ApiTokenRequest.model_validate, wish)
        return read(NewApiToken, await self.as_user(user, "POST", "/internal/tokens", body=sent))

    async def revoke_token(self, user: User, token_id: UUID) -> None:
        await self.as_user(user, "DELETE", f"/internal/tokens/{token_id}")

    async def security_log(self, user: User, cursor: str | None, limit: int) -> SecurityPage:
        path, params = "/internal/me/security-log", {"cursor": cursor, "limit": limit}
        return read(SecurityPage, await self.as_user(user, "GET", path, params=params))

    async def export(self, user: User) -> Export:
        return read(Export, await self.as_user(user, "GET", "/internal/me/export"))

    async def erase(self, user: User, password: str) -> None:
        """Erase the account."""
        sent = body(PasswordProof, password=password)
        await self.as_user(user, "POST", "/internal/me/erasure", body=sent)
