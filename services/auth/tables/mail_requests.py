"""Table `mail_requests`: mails about accounts that the notifier is to send."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.credentials import EmailAddress
from shared.contracts.auth import AccountMailKind
from shared.contracts.http.auth import AccountMail, ExportedMail
from shared.ids import new_id

_INSERT = text("""
INSERT INTO mail_requests
    (request_id, user_id, kind, email, ascii_email, details, requested_at, expires_at)
VALUES (:request_id, :user_id, :kind, :email, :ascii_email, CAST(:details AS jsonb), :now,
        :expires_at)
""")
_LIST = text("""
SELECT r.kind, r.email, r.ascii_email, r.details, r.requested_at, r.expires_at, r.used_at
FROM mail_requests r JOIN users u USING (user_id)
WHERE user_id = :user_id AND (r.kind <> 'confirm_new_email' OR r.email = u.email)
ORDER BY r.requested_at DESC, r.request_id
""")
_FIND_SENDABLE = text("""
SELECT r.kind, r.ascii_email AS email, r.details, u.language, u.time_zone
FROM mail_requests r JOIN users u USING (user_id)
WHERE r.request_id = :request_id AND r.used_at IS NULL AND r.expires_at > :now
  AND CASE r.kind
      WHEN 'confirm_email' THEN r.ascii_email = u.ascii_email AND u.email_confirmed_at IS NULL
      WHEN 'confirm_new_email' THEN r.ascii_email = u.pending_ascii_email
      WHEN 'reset_password' THEN r.ascii_email = u.ascii_email
      WHEN 'log_in' THEN r.ascii_email = u.ascii_email
      ELSE true END
FOR KEY SHARE OF u
""")
_COUNT_TRY = text("""
UPDATE mail_requests SET tries = tries + 1
WHERE request_id = :request_id AND tries < :max_tries RETURNING true
""")
_SET_USED = text("""
UPDATE mail_requests SET used_at = :now
WHERE request_id = :request_id AND used_at IS NULL RETURNING true
""")
_INVALIDATE = text("""
UPDATE mail_requests SET used_at = :now
WHERE user_id = :user_id AND kind = :kind AND used_at IS NULL
""")


async def insert(
    connection: AsyncConnection,
    user_id: UUID,
    kind: AccountMailKind,
    recipient: EmailAddress,
    details: Mapping[str, str],
    *,
    now: datetime,
    expires_at: datetime,
) -> UUID:
    """The id of the request."""
    request_id = new_id()
    values = {
        "request_id": request_id,
        "user_id": user_id,
        "kind": kind,
        **recipient._asdict(),
        "details": json.dumps(details),
        "now": now,
        "expires_at": expires_at,
    }
    await connection.execute(_INSERT, values)
    return request_id


async def list_all(connection: AsyncConnection, user_id: UUID) -> Sequence[ExportedMail]:
    """Until they are pruned, the newest first.

    Not those to an address that is not the person's yet: there are some only if that address has no
    account, and nobody may learn that.
    """
    rows = await connection.execute(_LIST, {"user_id": user_id})
    return [ExportedMail(**row) for row in rows.mappings()]


async def find_sendable(
    connection: AsyncConnection, request_id: UUID, now: datetime
) -> tuple[AccountMailKind, AccountMail] | None:
    """None when the mail is no longer needed. The person can't be deleted meanwhile."""
    values = {"request_id": request_id, "now": now}
    row = (await connection.execute(_FIND_SENDABLE, values)).mappings().first()
    return (row["kind"], AccountMail(**row)) if row else None


async def count_try(connection: AsyncConnection, request_id: UUID, max_tries: int) -> bool:
    """False when there were `max_tries` before."""
    values = {"request_id": request_id, "max_tries": max_tries}
    return bool(await connection.scalar(_COUNT_TRY, values))


async def set_used(connection: AsyncConnection, request_id: UUID, now: datetime) -> bool:
    """False when a link of this mail was used before."""
    return bool(await connection.scalar(_SET_USED, {"request_id": request_id, "now": now}))


async def invalidate(
    connection: AsyncConnection, user_id: UUID, kind: AccountMailKind, now: datetime
) -> None:
    """No link of this kind that was mailed to the person works from now on."""
    await connection.execute(_INVALIDATE, {"user_id": user_id, "kind": kind, "now": now})
