"""bcrypt, off the event loop and two at a time."""

import asyncio
import base64
import hmac
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from shared.errors import Unavailable

AT_A_TIME = 2  # 280 ms of a core each at cost 12
MAX_WAITING = 40  # six seconds of work; more would be answered after the caller has gone
_DUMMY_SALT = "C6UzMDM.H6dfI/f/IKxGhu"


class TooBusy(Unavailable):
    """Too many people are logging in at this moment. Please try again shortly."""

    code = "too_busy"


class PasswordHasher:
    """Hashes `base64(hmac-sha384(pepper, password))`: 64 bytes, where bcrypt ends at 72."""

    def __init__(self, pepper: str, cost: int) -> None:
        """Take the pepper and bcrypt's cost (log2 of its rounds)."""
        self._pepper, self._cost = pepper.encode(), cost
        self._pool = ThreadPoolExecutor(AT_A_TIME, "bcrypt")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        return await self._run(password, bcrypt.gensalt(self._cost).decode())

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is right; without a stored hash False, after the same time.

        Also after the same time where the stored hash is cheaper than those of today.
        """
        salt = stored or _dummy(self._cost)
        found = await self._run(password, salt, *map(_dummy, range(_cost(salt), self._cost)))
        return stored is not None and hmac.compare_digest(found, stored)

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made at another cost than today's."""
        return not stored.startswith(f"$2b${self._cost:02}$")

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _hash(self, password: str, *salts: str) -> str:
        digest = hmac.digest(self._pepper, password.encode("utf-8", "surrogatepass"), "sha384")
        first, *_ = [bcrypt.hashpw(base64.b64encode(digest), salt.encode()) for salt in salts]
        return first.decode()

    async def _run(self, password: str, salt: str, *more: str) -> str:
        """The hash with the first salt; the others are only for the work."""
        if self._waiting >= MAX_WAITING:
            raise TooBusy
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._hash, password, salt, *more)
        finally:
            self._waiting -= 1


def _cost(salt: str) -> int:
    return int(salt[4:6])


def _dummy(cost: int) -> str:
    """A salt for nobody's hash. A step doubles the work: of 4 and 4, 5, 6 it is that of 7."""
    return f"$2b${cost:02}${_DUMMY_SALT}"
