"""Requests with the header `Idempotency-Key`: a repeated request gets the first one's response.

After draft-ietf-httpapi-idempotency-key-header. The response to a refused request is not stored,
since the request had no effect; repeated, it is tried again.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.bounded_deletion import delete_batch
from shared.errors import ConcurrencyConflict, Invalid

LIFETIME = timedelta(hours=24)
MAX_KEY = 255  # characters

_CLAIM = text("""
INSERT INTO idempotency_keys (user_id, key, fingerprint, claimed_at)
VALUES (:user_id, :key, :fingerprint, :now) ON CONFLICT DO NOTHING
""")
_FIND = text("""
SELECT fingerprint, answer::text FROM idempotency_keys WHERE user_id = :user_id AND key = :key
""")
_STORE_RESPONSE = text("""
UPDATE idempotency_keys SET answer = CAST(:answer AS json) WHERE user_id = :user_id AND key = :key
""")


class IdempotencyKeyInvalid(Invalid):
    code = "idempotency_key_invalid"


class IdempotencyKeyReused(Invalid):
    code = "idempotency_key_reused"


@dataclass(frozen=True)
class Key:
    """The key a user chose for a request, and a digest of the request."""

    user_id: UUID
    key: str
    fingerprint: bytes


def fingerprint(*parts: bytes) -> bytes:
    """A SHA-256 of the parts and their lengths."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def parse_key(values: Iterable[str]) -> str | None:
    """Return the key in the values of the header, None without one.

    Raises:
        IdempotencyKeyInvalid: there are several values, or the value is no valid key.
    """
    keys = list(values)
    if not keys:
        return None
    key = keys[0]
    if len(keys) > 1 or not 1 <= len(key) <= MAX_KEY or not all("!" <= char <= "~" for char in key):
        raise IdempotencyKeyInvalid
    return key


async def claim(connection: AsyncConnection, key: Key, now: datetime) -> str | None:
    """Return the response stored for this request, None for the first request with the key.

    The first one calls `store_response` in the same transaction; a repeated one that comes
    meanwhile waits here for the end of that transaction.

    Raises:
        IdempotencyKeyReused: the key was used for another request.
    """
    claimed = await connection.execute(_CLAIM, {**vars(key), "now": now})
    if claimed.rowcount == 1:
        return None
    first = (await connection.execute(_FIND, vars(key))).first()
    if first is None:  # deleted between the two statements
        raise ConcurrencyConflict
    if bytes(first.fingerprint) != key.fingerprint:
        raise IdempotencyKeyReused
    return str(first.answer)


async def store_response(connection: AsyncConnection, key: Key, response: str) -> None:
    """`response` is JSON."""
    await connection.execute(_STORE_RESPONSE, {**vars(key), "answer": response})


async def prune(connection: AsyncConnection, now: datetime) -> int:
    """Delete expired keys, a bounded number at a time; return how many."""
    values = {"before": now - LIFETIME}
    return await delete_batch(connection, "idempotency_keys", "claimed_at < :before", values)
