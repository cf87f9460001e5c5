"""Password hashing with bcrypt, off the event loop and two at a time."""

import base64
import hmac
from functools import partial

import bcrypt

from services.auth.adapters.fair_pool import FairPool

THREADS = 2  # 280 ms of a core each at cost 12
_DUMMY_SALT = "C6UzMDM.H6dfI/f/IKxGhu"


class BcryptHasher:
    """Hashes `base64(hmac-sha384(pepper, password))`: 64 bytes, where bcrypt ends at 72.

    Networks share the threads fairly (`FairPool`); raises `PasswordHashingBusy`.
    """

    def __init__(self, pepper: str, cost: int, pool: FairPool | None = None) -> None:
        """Take the pepper and bcrypt's cost (log2 of its rounds)."""
        self._pepper, self._cost = pepper.encode(), cost
        self._pool = pool or FairPool("bcrypt", THREADS)

    async def hash(self, password: str, network: str) -> str:
        salt = bcrypt.gensalt(self._cost).decode()
        return await self._pool.run(network, partial(self._hash, password, salt))

    async def verify(self, password: str, stored: str | None, network: str) -> bool:
        """Whether the password is right; without a stored hash False, after the same time.

        A stored hash of a lower cost takes the same time, too.
        """
        salt = stored or _dummy(self._cost)
        salts = [salt, *map(_dummy, range(_cost(salt), self._cost))]
        found = await self._pool.run(network, partial(self._hash, password, *salts))
        return stored is not None and hmac.compare_digest(found, stored)

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made at another cost than the present one."""
        return not stored.startswith(f"$2b${self._cost:02}$")

    async def close(self) -> None:
        await self._pool.close()

    def _hash(self, password: str, *salts: str) -> str:
        """The hash with the first salt; the others only take time."""
        digest = hmac.digest(self._pepper, password.encode("utf-8", "surrogatepass"), "sha384")
        first, *_ = [bcrypt.hashpw(base64.b64encode(digest), salt.encode()) for salt in salts]
        return first.decode()


def _cost(salt: str) -> int:
    return int(salt[4:6])


def _dummy(cost: int) -> str:
    """A salt that no user has. Each step of cost doubles the work: 4 and 4, 5, 6 take that of 7."""
    return f"$2b${cost:02}${_DUMMY_SALT}"
