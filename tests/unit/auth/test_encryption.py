"""Encrypted secrets of people."""

from uuid import uuid4

import pytest

from services.auth.adapters.encryption import AesEncryption
from services.auth.domain.ports import DecryptionFailed


def test_an_encrypted_secret_is_for_its_owner_and_this_pepper_only() -> None:
    owner, encryption = uuid4(), AesEncryption("pepper")
    kept = encryption.encrypt("secret", owner)
    assert encryption.decrypt(kept, owner) == "secret"
    assert encryption.encrypt("secret", owner) != kept
    damaged = kept[:-1] + bytes([kept[-1] ^ 1])
    for other, text, whose in [
        (AesEncryption("another"), kept, owner),
        (encryption, kept, uuid4()),
        (encryption, damaged, owner),
        (encryption, b"", owner),
        (encryption, kept[:12], owner),
    ]:
        with pytest.raises(DecryptionFailed):
            other.decrypt(text, whose)
