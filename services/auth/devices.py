"""The devices a person has logged in from, known by a hash."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.client_info import ClientInfo
from shared.contracts.http.auth import ExportedDevice


async def record_device(
    connection: AsyncConnection, user_id: UUID, client_info: ClientInfo, now: datetime
) -> bool:
    """Remember the device; True when it is a new one beside others. The person is locked."""
    others = await connection.scalar(
        text(
            "SELECT count(*) > 0 AND NOT bool_or(device_hash = :hash) FROM devices"
            " WHERE user_id = :user_id"
        ),
        {"user_id": user_id, "hash": client_info.device_hash},
    )
    await connection.execute(
        text(
            "INSERT INTO devices (user_id, device_hash, first_seen_at, last_seen_at)"
            " VALUES (:user_id, :hash, :now, :now)"
            " ON CONFLICT (user_id, device_hash) DO UPDATE SET last_seen_at = :now"
        ),
        {"user_id": user_id, "hash": client_info.device_hash, "now": now},
    )
    return bool(others)


async def seen(connection: AsyncConnection, user_id: UUID) -> Sequence[ExportedDevice]:
    """The last seen first."""
    rows = await connection.execute(
        text(
            "SELECT first_seen_at, last_seen_at FROM devices"
            " WHERE user_id = :user_id ORDER BY last_seen_at DESC, first_seen_at"
        ),
        {"user_id": user_id},
    )
    return [ExportedDevice(**row) for row in rows.mappings()]


async def forget_all(connection: AsyncConnection, user_id: UUID) -> None:
    await connection.execute(
        text("DELETE FROM devices WHERE user_id = :user_id"), {"user_id": user_id}
    )
