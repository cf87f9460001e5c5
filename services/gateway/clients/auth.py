"""What the gateway asks of auth."""

from dataclasses import asdict, dataclass
from typing import Any, Literal
from uuid import UUID

import httpx2
from pydantic import TypeAdapter

from services.gateway.clients.base import QUICK, TIMEOUT, Service
from services.gateway.clients.models import (
    Account,
    ApiTokenList,
    BegunFactor,
    Challenged,
    Confirmation,
    Ended,
    Export,
    Link,
    NewApiToken,
    RecoveryCodes,
    SecondFactor,
    SecurityPage,
    SessionList,
    Tokens,
)
from shared.contracts.auth import Language
from shared.errors import NotFound
from shared.web.identity import User

_FACTOR = "/internal/me/second-factor"
_BEGUN: TypeAdapter[Tokens | Challenged] = TypeAdapter(Tokens | Challenged)


@dataclass(frozen=True)
class ClientInfo:
    """Where a request comes from; `device` is empty for programs."""

    address: str
    user_agent: str
    device: str = ""


class AuthClient(Service):
    """Accounts, sessions and tokens. What is refused comes as an error of auth's own."""

    async def register(
        self, email: str, password: str, language: Language, client: ClientInfo, cookie: str = ""
    ) -> None:
        """`cookie` is a secret by which the browser is known when it confirms the address."""
        await self._ask(
            "POST",
            "/internal/users",
            email=email,
            password=password,
            language=language,
            client=asdict(client),
            cookie=cookie,
        )

    async def log_in(
        self, email: str, password: str, kind: Literal["web", "api"], client: ClientInfo
    ) -> Tokens | Challenged:
        answer = await self._ask(
            "POST",
            "/internal/sessions",
            email=email,
            password=password,
            kind=kind,
            client=asdict(client),
        )
        return _begun(answer)

    async def log_in_by_link(self, token: str, client: ClientInfo) -> Tokens | Challenged:
        """Use up the link of a mail that begins a web session; raises auth's `link_invalid`."""
        path = "/internal/sessions/by-link"
        answer = await self._ask("POST", path, token=token, client=asdict(client))
        return _begun(answer)

    async def finish_login(self, challenge: str, code: str, client: ClientInfo) -> Tokens:
        """Begin the session that waits for a code; raises auth's `challenge_invalid`."""
        path = "/internal/sessions/second-factor"
        answer = await self._ask(
            "POST", path, challenge=challenge, code=code, client=asdict(client)
        )
        return Tokens.model_validate_json(answer.content)

    async def refresh(self, token: str) -> Tokens:
        """The next pair of tokens of an API session."""
        answer = await self._ask("POST", "/internal/sessions/refresh", token=token)
        return Tokens.model_validate_json(answer.content)

    async def access(self, token: str, client: ClientInfo) -> Tokens:
        """A fresh access token of a web session."""
        path = "/internal/sessions/access"
        answer = await self._ask("POST", path, asks=True, token=token, client=asdict(client))
        return Tokens.model_validate_json(answer.content)

    async def prolong(self, user: User) -> Tokens:
        """A fresh access token of the session whose access token is still good."""
        answer = await self.as_user(user, "POST", "/internal/sessions/current/access", asks=True)
        return Tokens.model_validate_json(answer.content)

    async def access_of_token(self, token: str) -> Tokens:
        """An access token as limited as the API token (`prv_…`) it is given for."""
        answer = await self._ask("POST", "/internal/tokens/access", QUICK, asks=True, token=token)
        return Tokens.model_validate_json(answer.content)

    async def is_active(self, session_id: UUID) -> bool:
        try:
            await self.as_gateway("GET", f"/internal/sessions/{session_id}", timeout=QUICK)
        except NotFound:
            return False
        return True

    async def log_out(self, user: User) -> None:
        await self.as_user(user, "DELETE", "/internal/sessions/current")

    async def sessions(self, user: User) -> SessionList:
        answer = await self.as_user(user, "GET", "/internal/sessions")
        return SessionList.model_validate_json(answer.content)

    async def end_session(self, user: User, session_id: UUID) -> None:
        await self.as_user(user, "DELETE", f"/internal/sessions/{session_id}")

    async def end_other_sessions(self, user: User) -> Ended:
        answer = await self.as_user(user, "DELETE", "/internal/sessions")
        return Ended.model_validate_json(answer.content)

    async def link(self, token: str, cookie: str = "") -> Link:
        """The link of a mail, without using it up; raises auth's `link_invalid`."""
        answer = await self._ask(
            "POST", "/internal/links", QUICK, asks=True, token=token, cookie=cookie
        )
        return Link.model_validate_json(answer.content)

    async def confirm(
        self,
        token: str,
        client: ClientInfo,
        *,
        password: str | None = None,
        cookie: str = "",
        log_in: bool = False,
    ) -> Confirmation:
        """Use up the link of a mail, by the account's password or the browser that registered.

        With `log_in` begin a session of the browser. Raises auth's `link_invalid`, `proof_needed`.
        """
        body: dict[str, Any] = {"token": token, "password": password, "cookie": cookie}
        body |= {"log_in": log_in, "client": asdict(client)}
        answer = await self.as_gateway("POST", "/internal/confirmations", json=body)
        return Confirmation.model_validate_json(answer.content)

    async def confirm_own(self, user: User, token: str) -> Confirmation:
        """Use up the link of somebody who is logged in; raises as `confirm` does."""
        body = {"token": token}
        answer = await self.as_user(user, "POST", "/internal/me/confirmations", json=body)
        return Confirmation.model_validate_json(answer.content)

    async def confirm_again(self, user: User) -> None:
        """Have the mail with the link sent once more."""
        await self.as_user(user, "POST", "/internal/confirmations/again")

    async def forgot_password(self, email: str, client: ClientInfo) -> None:
        path = "/internal/password-resets"
        await self._ask("POST", path, email=email, client=asdict(client))

    async def reset_password(self, token: str, password: str, client: ClientInfo) -> None:
        """Set a password by the link of a mail; all sessions end."""
        body = {"token": token, "password": password, "client": asdict(client)}
        await self.as_gateway("PUT", "/internal/password-resets", json=body)

    async def me(self, user: User, within: httpx2.Timeout = TIMEOUT) -> Account:
        answer = await self.as_user(user, "GET", "/internal/me", timeout=within)
        return Account.model_validate_json(answer.content)

    async def change(self, user: User, changes: dict[str, Any]) -> Account:
        """Change preferences, only those that are named."""
        answer = await self.as_user(user, "PATCH", "/internal/me", json=changes)
        return Account.model_validate_json(answer.content)

    async def change_password(
        self, user: User, current: str, new: str, *, revoke_tokens: bool
    ) -> None:
        """All other sessions end, with `revoke_tokens` the API tokens as well."""
        body: dict[str, Any] = {"current_password": current, "new_password": new}
        body["revoke_tokens"] = revoke_tokens
        await self.as_user(user, "POST", "/internal/me/password", json=body)

    async def change_email(self, user: User, password: str, email: str) -> bool:
        """Ask for another address; it counts once it is confirmed. False: it is theirs already."""
        body = {"password": password, "email": email}
        answer = await self.as_user(user, "POST", "/internal/me/email", json=body)
        return bool(answer.json()["mailed"])

    async def second_factor(self, user: User) -> SecondFactor:
        answer = await self.as_user(user, "GET", _FACTOR)
        return SecondFactor.model_validate_json(answer.content)

    async def begin_factor(self, user: User, password: str) -> BegunFactor:
        """A secret for an app; it counts once a code was given."""
        body = {"password": password}
        answer = await self.as_user(user, "POST", _FACTOR, json=body)
        return BegunFactor.model_validate_json(answer.content)

    async def confirm_factor(self, user: User, code: str) -> RecoveryCodes:
        answer = await self.as_user(user, "PUT", _FACTOR, json={"code": code})
        return RecoveryCodes.model_validate_json(answer.content)

    async def disable_factor(self, user: User, password: str, code: str) -> None:
        body = {"password": password, "code": code}
        await self.as_user(user, "DELETE", _FACTOR, json=body)

    async def make_recovery_codes(self, user: User, password: str, code: str) -> RecoveryCodes:
        """Those of before are worth nothing from now on."""
        path, body = f"{_FACTOR}/recovery-codes", {"password": password, "code": code}
        answer = await self.as_user(user, "POST", path, json=body)
        return RecoveryCodes.model_validate_json(answer.content)

    async def tokens(self, user: User) -> ApiTokenList:
        answer = await self.as_user(user, "GET", "/internal/tokens")
        return ApiTokenList.model_validate_json(answer.content)

    async def make_token(
        self, user: User, name: str, scopes: list[str], expires_in_days: int
    ) -> NewApiToken:
        body = {"name": name, "scopes": scopes, "expires_in_days": expires_in_days}
        answer = await self.as_user(user, "POST", "/internal/tokens", json=body)
        return NewApiToken.model_validate_json(answer.content)

    async def revoke_token(self, user: User, token_id: UUID) -> None:
        await self.as_user(user, "DELETE", f"/internal/tokens/{token_id}")

    async def security_log(self, user: User, cursor: str | None, limit: int) -> SecurityPage:
        asked = {"cursor": cursor, "limit": limit}
        answer = await self.as_user(user, "GET", "/internal/me/security-log", params=asked)
        return SecurityPage.model_validate_json(answer.content)

    async def export(self, user: User) -> Export:
        answer = await self.as_user(user, "GET", "/internal/me/export")
        return Export.model_validate_json(answer.content)

    async def erase(self, user: User, password: str) -> None:
        """Erase the account for good."""
        body = {"password": password}
        await self.as_user(user, "POST", "/internal/me/erasure", json=body)

    async def _ask(
        self,
        method: str,
        path: str,
        within: httpx2.Timeout = TIMEOUT,
        *,
        asks: bool = False,
        **body: Any,
    ) -> httpx2.Response:
        return await self.as_gateway(method, path, json=body, timeout=within, asks=asks)


def _begun(answer: httpx2.Response) -> Tokens | Challenged:
    return _BEGUN.validate_json(answer.content)
