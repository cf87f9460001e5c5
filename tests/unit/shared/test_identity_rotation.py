"""Exchanging a service's key: two are good for a while, and nobody is logged out."""

import json
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.errors import Unauthenticated
from shared.web.identity import Identity
from tests.support.events import ANN
from tests.support.keys import Keys, pem
from tests.support.tokens import forge, user_claims


@dataclass
class Rotation:
    """The key set of an installation, and the keys of auth that are in it or were."""

    keys: Keys
    file: Path
    new: Ed25519PrivateKey

    def publish(self, *kids: str) -> None:
        """Let the file hold these keys of auth beside those of the others."""
        public = {"auth": self.keys.public["auth"], "auth.2027": _raw(self.new)}
        others = json.loads(self.keys.jwks_file.read_text())["keys"]
        kept = [key for key in others if key["kid"] != "auth"]
        own = [_jwk(kid, public.get(kid, public["auth.2027"])) for kid in kids]
        self.file.write_text(json.dumps({"keys": own + kept}))

    def old_auth(self) -> Identity:
        return Identity("auth", self.keys.private["auth"], self.file)

    def new_auth(self) -> Identity:
        return Identity("auth", pem(self.new), self.file)

    def reader(self, service: str = "files") -> Identity:
        return Identity(service, self.keys.private[service], self.file)


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _jwk(kid: str, raw: bytes) -> dict[str, str]:
    x = jwt.utils.base64url_encode(raw).decode()
    return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": "EdDSA", "use": "sig", "x": x}


@pytest.fixture
def rotation(keys: Keys, tmp_path: Path) -> Rotation:
    return Rotation(keys, tmp_path / "jwks.json", Ed25519PrivateKey.generate())


def test_through_all_steps_everybody_stays_logged_in(rotation: Rotation) -> None:
    rotation.publish("auth")
    before = rotation.old_auth().sign_user(ANN, uuid4())
    rotation.publish("auth", "auth.2027")  # first everybody learns the new key
    between = rotation.old_auth().sign_user(ANN, uuid4())
    after = rotation.new_auth().sign_user(ANN, uuid4())  # then auth signs with it
    for service in ("files", "reports", "gateway"):
        for token in (before, between, after):
            assert rotation.reader(service).verify_user(token).user_id == ANN
    rotation.publish("auth.2027")  # at last the old one goes, when its tokens have run out
    assert rotation.reader().verify_user(after).user_id == ANN
    with pytest.raises(Unauthenticated):
        rotation.reader().verify_user(before)


def test_a_service_signs_under_the_name_its_key_is_published_under(rotation: Rotation) -> None:
    rotation.publish("auth", "auth.2027")
    tokens = [auth.sign_user(ANN, uuid4()) for auth in (rotation.old_auth(), rotation.new_auth())]
    assert [jwt.get_unverified_header(token)["kid"] for token in tokens] == ["auth", "auth.2027"]


def test_calls_between_services_survive_too(rotation: Rotation) -> None:
    rotation.publish("auth", "auth.2027")
    for auth in (rotation.old_auth(), rotation.new_auth()):
        assert rotation.reader().verify_service(auth.sign_service("files")) == "auth"


def test_a_key_signs_only_for_its_own_service(rotation: Rotation) -> None:
    """`gateway.auth` is the gateway's, whatever comes after the dot."""
    rotation.publish("auth", "gateway.auth", "authority", "auth2")
    new = Keys({"new": pem(rotation.new)}, {}, rotation.file)
    for kid in ("gateway.auth", "authority", "auth2", "auth.2028", ".auth", "auth."):
        for claims in (user_claims(), user_claims(iss=kid)):
            token = forge(new, claims, signer="new", headers={"kid": kid})
            with pytest.raises(Unauthenticated):
                rotation.reader().verify_user(token)


def test_the_new_name_does_not_make_the_old_key_good(rotation: Rotation) -> None:
    rotation.publish("auth.2027")
    token = forge(rotation.keys, user_claims(), headers={"kid": "auth.2027"})
    with pytest.raises(Unauthenticated):
        rotation.reader().verify_user(token)
