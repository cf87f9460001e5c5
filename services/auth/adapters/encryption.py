"""Secrets that must be read again: encrypted, each for the person it belongs to."""

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12  # bytes; NIST SP 800-38D, 8.2


class Unreadable(Exception):
    """Encrypted with another pepper or for another person, or damaged."""


class Encryption:
    """AES-256-GCM with a key that is derived from the pepper (RFC 5869)."""

    def __init__(self, pepper: str) -> None:
        """Take the pepper, which also passwords are hashed with."""
        kdf = HKDF(SHA256(), 32, salt=None, info=b"prereview auth second factor")
        self._cipher = AESGCM(kdf.derive(pepper.encode()))

    def encrypt(self, secret: str, owner: UUID) -> bytes:
        """Bound to its owner: copied into another person's row it can't be read."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), owner.bytes)

    def decrypt(self, kept: bytes, owner: UUID) -> str:
        """Raises `Unreadable`."""
        try:
            return self._cipher.decrypt(kept[:_NONCE], kept[_NONCE:], owner.bytes).decode()
        except (InvalidTag, ValueError):
            raise Unreadable from None
