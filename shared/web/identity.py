"""Authentication by JWTs signed with Ed25519; the public keys are in a file.

A user's token is signed by auth and passed on by the gateway; a service token is signed by the
calling service. RFC 7519, RFC 8037, RFC 8725 (best practices).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Annotated, Any, Self
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import Depends, Request

from shared.contracts.auth import Scope
from shared.errors import Forbidden, Misconfigured, Unauthenticated
from shared.ids import new_id
from shared.settings import Settings
from shared.web.routes import EarlyDependency

USER_AUDIENCE = "prereview"
USER_TOKEN_SECONDS = 600
SERVICE_TOKEN_SECONDS = 60
LEEWAY = 5  # seconds of clock skew
MAX_TOKEN = 4096  # characters
_REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti"]
_HEADER = {"alg", "kid", "typ"}


class InsufficientScope(Forbidden):
    code = "insufficient_scope"


class SessionRequired(Forbidden):
    code = "session_required"


@dataclass(frozen=True)
class User:
    """An authenticated user, with the session and the access token.

    An API token is limited to its scopes; the token of a session has no limits (None).
    """

    user_id: UUID
    session_id: UUID
    token: str
    scopes: frozenset[str] | None = None

    def has_scope(self, scope: Scope) -> bool:
        return self.scopes is None or scope in self.scopes


class Identity:
    """Signs the tokens of one service, and verifies those of all."""

    def __init__(self, service: str, private_key: str, jwks_file: Path) -> None:
        """`private_key` is PEM; `jwks_file` is the JSON Web Key Set of all services.

        A `kid` is the service's name; during a key rotation it also has keys `name.anything`.
        """
        self.service = service
        self._key = private_key
        keys = json.loads(jwks_file.read_text("utf-8"))["keys"]
        self._keys = {key["kid"]: jwt.PyJWK(key).key for key in keys}
        self._kid = self._own_kid()

    @classmethod
    def of(cls, service: str, settings: Settings) -> Self:
        """Raises `Misconfigured` for keys that can't be read or do not match."""
        try:
            return cls(service, settings.signing_key.get_secret_value(), settings.jwks_file)
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError):
            raise Misconfigured(
                "PREREVIEW_SIGNING_KEY, PREREVIEW_JWKS_FILE: one must be an Ed25519 private key, "
                "PEM, and the other name a JSON Web Key Set with its public half."
            ) from None

    def sign_user(
        self, user_id: UUID, session_id: UUID, scopes: Iterable[str] | None = None
    ) -> str:
        """An access token; `scopes` limit it (claim `scope`, RFC 9068 §2.2.3)."""
        claims = {"sub": str(user_id), "sid": str(session_id), "aud": USER_AUDIENCE}
        if scopes is not None:
            claims["scope"] = " ".join(sorted(scopes))
        return self._sign(claims, "at+jwt", USER_TOKEN_SECONDS)

    def sign_service(self, callee: str) -> str:
        """A token for one call to another service."""
        claims = {"sub": self.service, "aud": callee}
        return self._sign(claims, "service+jwt", SERVICE_TOKEN_SECONDS)

    def verify_user(self, token: str) -> User:
        """Raises `Unauthenticated` for anything but a valid access token signed by auth."""
        claims = self._verify(token, "at+jwt", USER_AUDIENCE, USER_TOKEN_SECONDS, issuer="auth")
        try:
            scopes = frozenset(claims["scope"].split()) if "scope" in claims else None
            return User(UUID(claims["sub"]), UUID(claims["sid"]), token, scopes)
        except (KeyError, ValueError, TypeError, AttributeError):
            raise Unauthenticated from None

    def verify_service(self, token: str) -> str:
        """The name of the calling service; raises `Unauthenticated` like `verify_user`."""
        claims = self._verify(token, "service+jwt", self.service, SERVICE_TOKEN_SECONDS)
        if claims["sub"] != claims["iss"]:
            raise Unauthenticated
        return str(claims["iss"])

    def _sign(self, claims: dict[str, str], kind: str, seconds: int) -> str:
        now = datetime.now(UTC)
        times = {"iat": now, "exp": now + timedelta(seconds=seconds), "jti": str(new_id())}
        payload = {**claims, **times, "iss": self.service}
        return jwt.encode(payload, self._key, "EdDSA", {"kid": self._kid, "typ": kind})

    def _verify(
        self, token: str, kind: str, audience: str, seconds: int, issuer: str | None = None
    ) -> dict[str, Any]:
        try:
            if len(token) > MAX_TOKEN:
                raise Unauthenticated
            header = jwt.get_unverified_header(token)
            # No `jku`, `x5u`, `jwk` or `crit`: only keys of the file are accepted.
            if set(header) != _HEADER or header["typ"] != kind:
                raise Unauthenticated
            claims: dict[str, Any] = jwt.decode(
                token,
                self._keys[header["kid"]],
                ["EdDSA"],
                {"require": _REQUIRED},
                audience=audience,
                issuer=issuer or _issuer(header["kid"]),
                leeway=LEEWAY,
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError):
            raise Unauthenticated from None
        if _issuer(header["kid"]) != claims["iss"] or _lifetime(claims) > seconds:
            raise Unauthenticated
        return claims

    def _own_kid(self) -> str:
        """The `kid` of our key in the file, or the service's name if it is missing."""
        ours = load_pem_private_key(self._key.encode(), None).public_key()
        known = (kid for kid, key in self._keys.items() if key == ours)
        return next((kid for kid in known if _issuer(kid) == self.service), self.service)


def _issuer(kid: str) -> str:
    return kid.partition(".")[0]


def _lifetime(claims: dict[str, Any]) -> float:
    """In seconds. PyJWT accepts `"17"` and `True` as times too; only integers are valid here."""
    begin, end = claims["iat"], claims["exp"]
    return end - begin if type(begin) is type(end) is int else inf


def bearer_token(request: Request) -> str:
    """The token of the request's only `Authorization` header."""
    given = request.headers.getlist("authorization")
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token.strip()


def _identity(request: Request) -> Identity:
    identity: Identity = request.app.state.identity
    return identity


def user_with(scope: Scope | None) -> EarlyDependency[User]:
    """A dependency on the user; an API token needs `scope`, with None a session is required.

    Raises `Unauthenticated`, `InsufficientScope` or `SessionRequired`.
    """

    async def current_user(request: Request) -> User:
        user = _identity(request).verify_user(bearer_token(request))
        check_scope(user, scope)
        return user

    return EarlyDependency(current_user)


def check_scope(user: User, scope: Scope | None) -> None:
    if scope is None and user.scopes is not None:
        raise SessionRequired
    if scope is not None and not user.has_scope(scope):
        raise InsufficientScope(scope=scope)


CurrentUser = Annotated[User, Depends(user_with(None))]


def allowed_services(*allowed: str) -> EarlyDependency[str]:
    """A dependency on the calling service, which must be one of `allowed`."""

    async def check(request: Request) -> str:
        caller = _identity(request).verify_service(bearer_token(request))
        if caller not in allowed:
            raise Forbidden
        return caller

    return EarlyDependency(check)
