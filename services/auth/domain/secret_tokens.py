"""Random secrets that people hold and that are stored here only as hashes."""

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits that fit into a URL."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """The hash that is stored. No salt and no stretching: the secret is random, not chosen."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
