"""What happened to the safety of an account, for its owner to see; kept one year."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.visitors import Place

Kind = Literal[
    "registered",
    "signed_in",
    "sign_in_failed",
    "password_refused",
    "signed_out",
    "session_ended",
    "refresh_reused",
    "password_changed",
    "password_reset",
    "email_confirmed",
    "email_change_requested",
    "email_changed",
    "token_created",
    "token_revoked",
    "exported",
]


class Entry(BaseModel):
    """A line of the log."""

    id: int
    at: datetime
    kind: Kind
    device: str
    address: str


async def note(
    connection: AsyncConnection,
    user_id: UUID | None,
    kind: Kind,
    now: datetime,
    place: Place = Place(),  # noqa: B008 - an empty tuple can't change
) -> None:
    """Write a line; for nobody, the same statement writes none."""
    await connection.execute(
        text(
            "INSERT INTO security_log (user_id, at, kind, device, address)"
            " SELECT user_id, :now, :kind, :device, :address FROM users"
            " WHERE user_id = :user_id FOR KEY SHARE"
        ),
        {"user_id": user_id, "now": now, "kind": kind, **place._asdict()},
    )


async def entries(
    connection: AsyncConnection, user_id: UUID, before: int | None, limit: int
) -> Sequence[Entry]:
    """The lines before one of them, newest first."""
    rows = await connection.execute(
        text(
            "SELECT entry_id AS id, at, kind, device, address FROM security_log"
            " WHERE user_id = :user_id"
            " AND (CAST(:before AS bigint) IS NULL OR entry_id < CAST(:before AS bigint))"
            " ORDER BY entry_id DESC LIMIT :limit"
        ),
        {"user_id": user_id, "before": before, "limit": limit},
    )
    return [Entry(**row) for row in rows.mappings()]
