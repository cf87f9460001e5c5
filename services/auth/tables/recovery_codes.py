"""Table `recovery_codes`: hashes of the codes that replace an app that is lost, once each."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.codes import normalize_code
from services.auth.domain.secret_tokens import digest

_DELETE_ALL = text("DELETE FROM recovery_codes WHERE user_id = :user_id")
_INSERT = text("""
INSERT INTO recovery_codes (user_id, code_hash)
SELECT CAST(:user_id AS uuid), unnest(CAST(:hashes AS bytea[]))
""")
_DELETE = text("""
DELETE FROM recovery_codes WHERE user_id = :user_id AND code_hash = :hash RETURNING true
""")


async def replace_all(connection: AsyncConnection, user_id: UUID, codes: Sequence[str]) -> None:
    await connection.execute(_DELETE_ALL, {"user_id": user_id})
    hashes = [digest(normalize_code(code)) for code in codes]
    await connection.execute(_INSERT, {"user_id": user_id, "hashes": hashes})


async def use(connection: AsyncConnection, user_id: UUID, code: str) -> bool:
    """Whether the normalized code was right; it works only once."""
    return bool(await connection.scalar(_DELETE, {"user_id": user_id, "hash": digest(code)}))
