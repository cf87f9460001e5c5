"""Passwords and keys of this machine's installation: made once, then kept."""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from deploy.local.errors import CannotStart
from deploy.local.files import closed_folder, write_bytes, write_text
from deploy.postgres.provision import ROLES
from deploy.rabbitmq.definitions import SERVICES as STATEFUL
from deploy.rabbitmq.definitions import USERS

SERVICES = (*STATEFUL, "gateway")


@dataclass(frozen=True)
class Credentials:
    """Everything secret, and the file of public keys."""

    folder: Path
    postgres: Mapping[str, str] = field(repr=False)  # role → password
    rabbitmq: Mapping[str, str] = field(repr=False)  # user → password
    pepper: str = field(repr=False)

    @property
    def jwks_file(self) -> Path:
        return self.folder / "jwks.json"

    def signing_key(self, service: str) -> str:
        """The Ed25519 private key the service signs with, PEM: of several the last by name."""
        return _key_files(self.folder, service)[-1].read_text("utf-8")


def open_credentials(folder: Path) -> Credentials:
    """Read what is there and make what is missing: a new service, a first start."""
    closed_folder(folder)
    passwords = _passwords(folder / "passwords.json")
    files = [file for service in SERVICES for file in _key_files(folder, service)]
    jwks = {"keys": [public_jwk(file.stem, _key(file)) for file in files]}
    write_text(folder / "jwks.json", json.dumps(jwks, indent=2) + "\n", mode=0o644)
    return Credentials(
        folder,
        {role: passwords[f"postgres/{role}"] for role in ROLES},
        {user: passwords[f"rabbitmq/{user}"] for user in USERS},
        passwords["pepper"],
    )


def public_jwk(kid: str, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The public half as a JSON Web Key (RFC 8037)."""
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = urlsafe_b64encode(public).rstrip(b"=").decode()
    return {"kid": kid, "kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "use": "sig"}


def _passwords(file: Path) -> dict[str, str]:
    kept: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    names = [*(f"postgres/{role}" for role in ROLES), *(f"rabbitmq/{user}" for user in USERS)]
    fresh = {name: secrets.token_urlsafe(24) for name in (*names, "pepper") if name not in kept}
    if fresh:
        write_text(file, json.dumps(kept | fresh, indent=2) + "\n")
    return kept | fresh


def _key_files(folder: Path, service: str) -> list[Path]:
    """`auth.pem`, `auth.2027.pem`, … in this order; where there is none, the first is made."""
    found = [file for file in folder.glob("*.pem") if file.stem.partition(".")[0] == service]
    if found:
        return sorted(found, key=lambda file: file.stem)
    made = Ed25519PrivateKey.generate()
    file = folder / f"{service}.pem"
    write_bytes(file, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return [file]


def _key(file: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise CannotStart(f"{file} is no Ed25519 private key.")
    return key
