"""The same request twice is one effect and one answer: the header `Idempotency-Key`.

After draft-ietf-httpapi-idempotency-key-header. What is refused has no effect, so it is not kept:
sent again, such a request is tried again.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.deletion import delete_some
from shared.errors import ConcurrencyConflict, Invalid

KEPT = timedelta(hours=24)


class IdempotencyKeyInvalid(Invalid):
    code = "idempotency_key_invalid"


class IdempotencyKeyReused(Invalid):
    code = "idempotency_key_reused"


@dataclass(frozen=True)
class Key:
    """A user's name for a request, and what tells the request from others."""

    user_id: UUID
    key: str
    fingerprint: bytes


def fingerprint(*parts: bytes) -> bytes:
    """A digest that differs as soon as one part does."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def only_key(given: Iterable[str]) -> str | None:
    """The key among the header's values.

    Raises:
        IdempotencyKeyInvalid: there are several, or it is not one.
    """
    keys = list(given)
    if not keys:
        return None
    key = keys[0]
    if len(keys) > 1 or not 1 <= len(key) <= 255 or not all("!" <= char <= "~" for char in key):  # noqa: PLR2004
        raise IdempotencyKeyInvalid
    return key


_CLAIM = text("""
INSERT INTO idempotency_keys (user_id, key, fingerprint, claimed_at)
VALUES (:user_id, :key, :fingerprint, :now) ON CONFLICT DO NOTHING
""")
_EARLIER = text("""
SELECT fingerprint, answer::text FROM idempotency_keys WHERE user_id = :user_id AND key = :key
""")
_KEEP = text("""
UPDATE idempotency_keys SET answer = CAST(:answer AS json) WHERE user_id = :user_id AND key = :key
""")


async def claim(connection: AsyncConnection, key: Key, now: datetime) -> str | None:
    """The answer kept for this request; None for the first, which `keep`s it in the transaction.

    Whoever comes while the first is under way waits here for its end.

    Raises:
        IdempotencyKeyReused: the key stands for another request.
    """
    claimed = await connection.execute(_CLAIM, {**vars(key), "now": now})
    if claimed.rowcount == 1:
        return None
    earlier = (await connection.execute(_EARLIER, vars(key))).first()
    if earlier is None:  # forgotten at this very moment
        raise ConcurrencyConflict
    if bytes(earlier.fingerprint) != key.fingerprint:
        raise IdempotencyKeyReused
    return str(earlier.answer)


async def keep(connection: AsyncConnection, key: Key, answer: str) -> None:
    """`answer` is JSON."""
    await connection.execute(_KEEP, {**vars(key), "answer": answer})


async def prune(connection: AsyncConnection, now: datetime) -> int:
    """Forget keys whose time is over; how many, within a bound."""
    values = {"before": now - KEPT}
    return await delete_some(connection, "idempotency_keys", "claimed_at < :before", values)
