"""What use cases need of the adapters. Only `main` knows the adapters themselves."""

from typing import Protocol
from uuid import UUID


class PasswordHasher(Protocol):
    """Slow work, shared fairly between the networks that ask; raises `PasswordHashingBusy`."""

    async def hash(self, password: str, network: str) -> str: ...

    async def verify(self, password: str, stored: str | None, network: str) -> bool:
        """Whether the password is right; without a stored hash False, after the same time."""

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made at another cost than the present one."""

    async def close(self) -> None: ...


class StrengthMeter(Protocol):
    """Judges how easily a password is guessed; raises `PasswordHashingBusy`."""

    async def check(self, password: str, email: str, network: str) -> None:
        """Raises `PasswordTooWeak`."""

    async def close(self) -> None: ...


class DecryptionFailed(Exception):
    """Encrypted with another pepper or for another person, or damaged."""


class Encryption(Protocol):
    """Encrypts secrets that must be read again, each for the person it belongs to."""

    def encrypt(self, secret: str, owner: UUID) -> bytes: ...

    def decrypt(self, encrypted: bytes, owner: UUID) -> str:
        """Raises `DecryptionFailed`."""
