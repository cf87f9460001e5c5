"""Keys of all services, made once per test run."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.web.identity import Identity

SERVICES = ("auth", "files", "checker", "notifier", "reports", "gateway")


@dataclass(frozen=True)
class Keys:
    """Per service a private key (PEM), and the file with everybody's public ones."""

    private: dict[str, str]
    public: dict[str, bytes]
    jwks_file: Path

    def identity(self, service: str) -> Identity:
        return Identity(service, self.private[service], self.jwks_file)


def make_keys(folder: Path) -> Keys:
    pairs = {service: Ed25519PrivateKey.generate() for service in SERVICES}
    public = {
        service: key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        for service, key in pairs.items()
    }
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": [_jwk(name, raw) for name, raw in public.items()]}))
    return Keys({name: pem(key) for name, key in pairs.items()}, public, file)


def pem(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _jwk(service: str, raw: bytes) -> dict[str, str]:
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "kid": service, "alg": "EdDSA", "use": "sig", "x": x}
