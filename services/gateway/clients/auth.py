"""What the gateway asks of auth."""

from typing import Literal
from uuid import UUID

import httpx2

from services.gateway.calls import QUICK, Service
from services.gateway.models import Account, Tokens
from shared.contracts.auth import Language
from shared.errors import NotFound
from shared.web.identity import User

_BCRYPT = httpx2.Timeout(15.0, connect=2.0)  # seconds; hashing waits its turn


class Auth(Service):
    """Accounts and sessions."""

    async def register(self, email: str, password: str, language: Language) -> None:
        body = {"email": email, "password": password, "language": language}
        await self.as_gateway("POST", "/internal/users", json=body, timeout=_BCRYPT)

    async def log_in(self, email: str, password: str, kind: Literal["web", "api"]) -> Tokens:
        body = {"email": email, "password": password, "kind": kind}
        answer = await self.as_gateway("POST", "/internal/sessions", json=body, timeout=_BCRYPT)
        return Tokens.model_validate_json(answer.content)

    async def refresh(self, token: str) -> Tokens:
        """The next pair of tokens of an API session."""
        answer = await self.as_gateway("POST", "/internal/sessions/refresh", json={"token": token})
        return Tokens.model_validate_json(answer.content)

    async def access(self, token: str) -> Tokens:
        """A fresh access token of a web session."""
        answer = await self.as_gateway("POST", "/internal/sessions/access", json={"token": token})
        return Tokens.model_validate_json(answer.content)

    async def is_alive(self, session_id: UUID) -> bool:
        try:
            await self.as_gateway("GET", f"/internal/sessions/{session_id}", timeout=QUICK)
        except NotFound:
            return False
        return True

    async def log_out(self, user: User) -> None:
        await self.as_user(user, "DELETE", "/internal/sessions/current")

    async def me(self, user: User) -> Account:
        answer = await self.as_user(user, "GET", "/internal/me")
        return Account.model_validate_json(answer.content)
