"""Mails about the account: wished for here, told to the notifier, their links made when sent.

No table, event or queue ever holds a link that works: it is made when the notifier asks for the
mail, and only its hash is kept.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.client_info import Place
from services.auth.credentials import EmailAddress
from services.auth.domain.account import ACCOUNT, request_mail, stream
from services.auth.secret_tokens import digest, new_secret
from shared.contracts.auth import AccountMailKind
from shared.contracts.http.auth import AccountMail, ExportedMail
from shared.errors import NotFound
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from shared.ids import new_id

LINK_LIVES: Mapping[str, timedelta] = {
    "confirm_email": timedelta(days=7),
    "confirm_new_email": timedelta(days=7),
    "reset_password": timedelta(hours=1),
    "log_in": timedelta(hours=1),
}
NEWS_LIVES = timedelta(days=7)  # a mail without a link is not worth sending later


async def requested(connection: AsyncConnection, user_id: UUID) -> Sequence[ExportedMail]:
    """Those that are kept, the newest first.

    Not those to an address that is not the person's yet: there are some only where that address
    has no account, which is nobody's business.
    """
    rows = await connection.execute(
        text(
            "SELECT r.kind, r.email, r.ascii_email, r.details, r.requested_at, r.expires_at,"
            " r.used_at FROM mail_requests r JOIN users u USING (user_id) WHERE user_id = :user_id"
            " AND (r.kind <> 'confirm_new_email' OR r.email = u.email)"
            " ORDER BY r.requested_at DESC, r.request_id"
        ),
        {"user_id": user_id},
    )
    return [ExportedMail(**row) for row in rows.mappings()]


async def note(
    connection: AsyncConnection,
    user_id: UUID,
    kind: AccountMailKind,
    recipient: EmailAddress,
    now: datetime,
    **details: str,
) -> UUID:
    """Write the wish down; the event that tells of it is the caller's."""
    request_id = new_id()
    await connection.execute(
        text(
            "INSERT INTO mail_requests"
            " (request_id, user_id, kind, email, ascii_email, details, requested_at, expires_at)"
            " VALUES (:request_id, :user_id, :kind, :email, :ascii_email,"
            " CAST(:details AS jsonb), :now, :expires_at)"
        ),
        {
            "request_id": request_id,
            "user_id": user_id,
            "kind": kind,
            **recipient._asdict(),
            "details": json.dumps(details),
            "now": now,
            "expires_at": now + LINK_LIVES.get(kind, NEWS_LIVES),
        },
    )
    return request_id


async def request(
    connection: AsyncConnection,
    store: EventStore,
    user_id: UUID,
    kind: AccountMailKind,
    recipient: EmailAddress,
    now: datetime,
    **details: str,
) -> None:
    request_id = await note(connection, user_id, kind, recipient, now, **details)
    decide = partial(request_mail, user_id=user_id, request_id=request_id, kind=kind)
    await execute(connection, store, ACCOUNT, stream(user_id), decide)


def where(place: Place, now: datetime) -> dict[str, str]:
    """The details of a mail that asks “was that you?”."""
    return {"device": place.device, "address": place.address, "at": now.isoformat()}


async def prepare(connection: AsyncConnection, request_id: UUID, now: datetime) -> AccountMail:
    """The mail with a fresh link; `NotFound` when it is no longer wanted."""
    row = await _wanted(connection, request_id, now)
    if row is None:
        raise NotFound
    mail = AccountMail(**row._mapping)  # noqa: SLF001 - public, underscored against column names
    if row.kind not in LINK_LIVES:
        return mail
    token, expires_at = new_secret(), now + LINK_LIVES[row.kind]
    await connection.execute(
        text("INSERT INTO links (token_hash, request_id, expires_at) VALUES (:hash, :id, :until)"),
        {"hash": digest(token), "id": request_id, "until": expires_at},
    )
    return mail.model_copy(update={"token": token, "expires_at": expires_at})


async def _wanted(
    connection: AsyncConnection, request_id: UUID, now: datetime
) -> Row[tuple[object, ...]] | None:
    rows = await connection.execute(
        text(
            "SELECT r.request_id, r.user_id, r.kind, r.ascii_email AS email, r.details,"
            " u.language, u.time_zone"
            " FROM mail_requests r JOIN users u USING (user_id)"
            " WHERE r.request_id = :id AND r.used_at IS NULL AND r.expires_at > :now"
            " AND CASE r.kind"
            " WHEN 'confirm_email'"
            " THEN r.ascii_email = u.ascii_email AND u.email_confirmed_at IS NULL"
            " WHEN 'confirm_new_email' THEN r.ascii_email = u.pending_ascii_email"
            " WHEN 'reset_password' THEN r.ascii_email = u.ascii_email"
            " WHEN 'log_in' THEN r.ascii_email = u.ascii_email"
            " ELSE true END FOR KEY SHARE OF u"
        ),
        {"id": request_id, "now": now},
    )
    return rows.first()
