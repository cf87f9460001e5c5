"""Secrets that people hold: random, and kept here only as a hash."""

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits, fit for a URL."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is kept. No salt and no stretching: the secret is random, not chosen."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
