"""Table `devices`: hashes of the devices that a person has logged in from."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.client_info import ClientInfo
from shared.contracts.http.auth import ExportedDevice

_IS_NEW_BESIDE_OTHERS = text("""
SELECT count(*) > 0 AND NOT bool_or(device_hash = :hash) FROM devices WHERE user_id = :user_id
""")
_UPSERT = text("""
INSERT INTO devices (user_id, device_hash, first_seen_at, last_seen_at)
VALUES (:user_id, :hash, :now, :now)
ON CONFLICT (user_id, device_hash) DO UPDATE SET last_seen_at = :now
""")
_LIST = text("""
SELECT first_seen_at, last_seen_at FROM devices
WHERE user_id = :user_id ORDER BY last_seen_at DESC, first_seen_at
""")
_DELETE_ALL = text("DELETE FROM devices WHERE user_id = :user_id")


async def record_device(
    connection: AsyncConnection, user_id: UUID, client_info: ClientInfo, now: datetime
) -> bool:
    """Whether the device is new and the person has others. The person is locked."""
    values = {"user_id": user_id, "hash": client_info.device_hash}
    is_new = await connection.scalar(_IS_NEW_BESIDE_OTHERS, values)
    await connection.execute(_UPSERT, {**values, "now": now})
    return bool(is_new)


async def list_all(connection: AsyncConnection, user_id: UUID) -> Sequence[ExportedDevice]:
    """The last seen first."""
    rows = await connection.execute(_LIST, {"user_id": user_id})
    return [ExportedDevice(**row) for row in rows.mappings()]


async def delete_all(connection: AsyncConnection, user_id: UUID) -> None:
    await connection.execute(_DELETE_ALL, {"user_id": user_id})
