"""Tokens made by hand, right in everything but what a test changes."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from uuid import uuid4

import jwt

from tests.support.events import ANN
from tests.support.keys import Keys


def user_claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": "auth",
        "sub": str(ANN),
        "sid": str(uuid4()),
        "aud": "prereview",
        "iat": now,
        "exp": now + 600,
        "jti": str(uuid4()),
    }
    return {name: value for name, value in (claims | changes).items() if value is not ...}


def forge(
    keys: Keys,
    claims: dict[str, Any],
    *,
    signer: str = "auth",
    headers: dict[str, Any] | None = None,
) -> str:
    """Sign anything at all with a service's key."""
    header = {"alg": "EdDSA", "kid": signer, "typ": "at+jwt", **(headers or {})}
    signed = _signed_part({k: v for k, v in header.items() if v is not ...}, claims)
    key: Any = jwt.get_algorithm_by_name("EdDSA").prepare_key(keys.private[signer])
    return f"{signed}.{_base64(key.sign(signed.encode()))}"


def unsigned(claims: dict[str, Any], alg: str = "none") -> str:
    return _signed_part({"alg": alg, "kid": "auth", "typ": "at+jwt"}, claims) + "."


def signed_with_the_public_key(keys: Keys, claims: dict[str, Any], *, as_jwks: bool) -> str:
    """HS256, with what everybody knows as the secret."""
    secret = keys.jwks_file.read_bytes() if as_jwks else keys.public["auth"]
    signed = _signed_part({"alg": "HS256", "kid": "auth", "typ": "at+jwt"}, claims)
    return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _signed_part(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{_base64(json.dumps(header).encode())}.{_base64(json.dumps(claims).encode())}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
