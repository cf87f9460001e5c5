"""Who is let in, and the many who are not."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.errors import Unauthenticated
from shared.web.identity import SERVICE_TOKEN_SECONDS, USER_TOKEN_SECONDS
from tests.support.events import ANN
from tests.support.keys import Keys, pem
from tests.support.tokens import forge, signed_with_the_public_key, unsigned, user_claims

Forger = Callable[[Keys], str]
NOW = int(time.time())


def test_a_user_signed_by_auth_is_known_everywhere(keys: Keys) -> None:
    session = uuid4()
    token = keys.identity("auth").sign_user(ANN, session)
    for service in ("files", "reports", "gateway"):
        user = keys.identity(service).verify_user(token)
        assert (user.user_id, user.session_id, user.token) == (ANN, session, token)


def test_a_service_is_known_to_the_one_it_calls(keys: Keys) -> None:
    token = keys.identity("checker").sign_service("files")
    assert keys.identity("files").verify_service(token) == "checker"


def test_a_handmade_token_with_nothing_wrong_is_accepted(keys: Keys) -> None:
    """Else the table below would prove nothing."""
    user = keys.identity("files").verify_user(forge(keys, user_claims()))
    assert user.user_id == ANN


def _claims(**changes: Any) -> Forger:
    return lambda keys: forge(keys, user_claims(**changes))


def _header(**headers: Any) -> Forger:
    return lambda keys: forge(keys, user_claims(), headers=headers)


def _expired_service_key(keys: Keys) -> str:
    """Signed by a key of the right name that is not ours."""
    other = Keys({"auth": pem(Ed25519PrivateKey.generate())}, {}, keys.jwks_file)
    return forge(other, user_claims())


BAD_TOKENS: dict[str, Forger] = {
    "empty": lambda _: "",
    "one word": lambda _: "token",
    "two dots": lambda _: "..",
    "not base64": lambda _: "$$.$$.$$",
    "not ASCII": lambda _: "тук.тук.тук",
    "alg none": lambda _: unsigned(user_claims()),
    "alg NONE": lambda _: unsigned(user_claims(), "NONE"),
    "signature cut off": lambda keys: forge(keys, user_claims()).rpartition(".")[0] + ".",
    "HS256 with the public key": lambda keys: signed_with_the_public_key(
        keys, user_claims(), as_jwks=False
    ),
    "HS256 with the JWKS": lambda keys: signed_with_the_public_key(
        keys, user_claims(), as_jwks=True
    ),
    "a stranger's key": _expired_service_key,
    "unknown kid": _header(kid="stranger"),
    "kid that is a path": _header(kid="../../../../dev/null"),
    "kid that is a URL": _header(kid="https://evil.example/key"),
    "kid that is a list": _header(kid=["auth"]),
    "kid that is an object": _header(kid={"auth": 1}),
    "kid null": _header(kid=None),
    "no kid": _header(kid=...),
    "jku": _header(jku="https://evil.example/jwks.json"),
    "x5u": _header(x5u="https://evil.example/cert.pem"),
    "jwk": _header(jwk={"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
    "crit": _header(crit=["b64"], b64=False),
    "no typ": _header(typ=...),
    "plain JWT": _header(typ="JWT"),
    "typ of a service": _header(typ="service+jwt"),
    "no exp": _claims(exp=...),
    "exp as text": _claims(exp="tomorrow"),
    "exp as digits in text": _claims(exp=str(NOW + 600)),
    "exp as 1e18": _claims(exp=1e18),
    "exp as 10**18": _claims(exp=10**18),
    "exp in ten years": _claims(exp=NOW + 10 * 365 * 86_400),
    "exp with a fraction": _claims(exp=NOW + 60.5),
    "exp null": _claims(exp=None),
    "exp infinite": _claims(exp=float("inf")),
    "exp not a number": _claims(exp=float("nan")),
    "exp true": _claims(exp=True),
    "exp in the past": _claims(exp=NOW - 60, iat=NOW - 660),
    "no iat": _claims(iat=...),
    "iat in the future": _claims(iat=NOW + 3600, exp=NOW + 4200),
    "iat as text": _claims(iat="now"),
    "iat as digits in text": _claims(iat=str(NOW)),
    "iat true": _claims(iat=True),
    "iat in 1970": _claims(iat=1),
    "nbf in the future": _claims(nbf=NOW + 3600),
    "no sub": _claims(sub=...),
    "integer sub": _claims(sub=17),
    "sub null": _claims(sub=None),
    "sub not a UUID": _claims(sub="ann"),
    "empty sub": _claims(sub=""),
    "no sid": _claims(sid=...),
    "integer sid": _claims(sid=17),
    "sid a list": _claims(sid=[str(ANN)]),
    "no jti": _claims(jti=...),
    "integer jti": _claims(jti=5),
    "wrong aud": _claims(aud="files"),
    "no aud": _claims(aud=...),
    "aud null": _claims(aud=None),
    "wrong iss": _claims(iss="gateway"),
    "iss of nobody": _claims(iss="stranger"),
    "no iss": _claims(iss=...),
    "iss a list": _claims(iss=["auth", "gateway"]),
    "user token signed by another service": lambda keys: forge(
        keys, user_claims(iss="gateway"), signer="gateway"
    ),
    "another service claims to be auth": lambda keys: forge(keys, user_claims(), signer="gateway"),
    "service token as user token": lambda keys: keys.identity("auth").sign_service("prereview"),
    "service token of the gateway": lambda keys: keys.identity("gateway").sign_service("files"),
    "refresh token": lambda _: "b2xkLWFuZC1vcGFxdWUtdG9rZW4tb2YtYS1zZXNzaW9u",
    "200 KB": lambda keys: forge(keys, user_claims(more="x" * 200_000)),
    "200 KB of dots": lambda _: "." * 200_000,
}


@pytest.mark.parametrize("forger", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_none_of_these_is_a_user_and_saying_so_takes_no_time(keys: Keys, forger: Forger) -> None:
    token, identity = forger(keys), keys.identity("files")
    started = time.perf_counter()
    with pytest.raises(Unauthenticated):
        identity.verify_user(token)
    assert time.perf_counter() - started < 0.05


def _service_claims(**changes: Any) -> dict[str, Any]:
    own = {"iss": "checker", "sub": "checker", "aud": "files", "sid": ..., "exp": NOW + 60}
    return user_claims(**(own | changes))


def _as_service(claims: dict[str, Any], signer: str = "checker") -> Forger:
    return lambda keys: forge(keys, claims, signer=signer, headers={"typ": "service+jwt"})


BAD_SERVICES: dict[str, Forger] = {
    "for another callee": lambda keys: keys.identity("checker").sign_service("auth"),
    "a user": lambda keys: keys.identity("auth").sign_user(ANN, uuid4()),
    "in another's name": _as_service(_service_claims() | {"sub": "gateway"}),
    "signed by another": _as_service(_service_claims(), signer="notifier"),
    "two callees of which we are none": _as_service(_service_claims() | {"aud": ["auth", "x"]}),
    "no time limit": _as_service(_service_claims(exp=...)),
    "good for an hour": _as_service(_service_claims(exp=NOW + 3600)),
}


@pytest.mark.parametrize("forger", BAD_SERVICES.values(), ids=BAD_SERVICES.keys())
def test_none_of_these_is_a_service(keys: Keys, forger: Forger) -> None:
    with pytest.raises(Unauthenticated):
        keys.identity("files").verify_service(forger(keys))


def test_tokens_live_as_long_as_they_say(keys: Keys) -> None:
    assert (USER_TOKEN_SECONDS, SERVICE_TOKEN_SECONDS) == (600, 60)
    identity = keys.identity("files")
    within = forge(keys, user_claims(exp=int(time.time()) - 2))  # clocks may differ a little
    assert identity.verify_user(within).user_id == UUID(str(ANN))
    with pytest.raises(Unauthenticated):
        identity.verify_user(forge(keys, user_claims(exp=int(time.time()) - 10)))
