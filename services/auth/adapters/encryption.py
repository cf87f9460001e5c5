"""Secrets that must be read again: encrypted, each for the person it belongs to."""

import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.auth.domain.ports import DecryptionFailed

_NONCE_BYTES = 12  # bytes; NIST SP 800-38D, 8.2


class AesEncryption:
    """AES-256-GCM with a key that is derived from the pepper (RFC 5869)."""

    def __init__(self, pepper: str) -> None:
        """Take the pepper, with which passwords are hashed, too."""
        kdf = HKDF(SHA256(), 32, salt=None, info=b"prereview auth second factor")
        self._cipher = AESGCM(kdf.derive(pepper.encode()))

    def encrypt(self, secret: str, owner: UUID) -> bytes:
        """Bound to its owner: in another person's row it can't be decrypted."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), owner.bytes)

    def decrypt(self, encrypted: bytes, owner: UUID) -> str:
        """Raises `DecryptionFailed`."""
        try:
            return self._cipher.decrypt(
                encrypted[:_NONCE_BYTES], encrypted[_NONCE_BYTES:], owner.bytes
            ).decode()
        except (InvalidTag, ValueError):
            raise DecryptionFailed from None
