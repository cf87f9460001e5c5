"""Mails about an account: requested here by an event, and fetched by the notifier when it sends.

No table, event or queue ever holds a link that works: it is made when the notifier asks for the
mail, and only its hash is stored.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.account import ACCOUNT, request_mail, stream
from services.auth.domain.client_info import ClientSummary
from services.auth.domain.credentials import EmailAddress
from services.auth.domain.secret_tokens import new_secret
from services.auth.tables import links, mail_requests
from services.auth.use_cases.dependencies import Dependencies
from shared.contracts.auth import AccountMailKind
from shared.contracts.http.auth import AccountMail
from shared.errors import NotFound
from shared.eventsourcing.execute import execute

LINK_LIFETIMES: Mapping[str, timedelta] = {
    "confirm_email": timedelta(days=7),
    "confirm_new_email": timedelta(days=7),
    "reset_password": timedelta(hours=1),
    "log_in": timedelta(hours=1),
}
NOTICE_LIFETIME = timedelta(days=7)  # a mail without a link is not worth sending later


async def record_request(
    connection: AsyncConnection,
    user_id: UUID,
    kind: AccountMailKind,
    recipient: EmailAddress,
    now: datetime,
    **details: str,
) -> UUID:
    """Store the request; the caller appends its event."""
    expires_at = now + LINK_LIFETIMES.get(kind, NOTICE_LIFETIME)
    return await mail_requests.insert(
        connection, user_id, kind, recipient, details, now=now, expires_at=expires_at
    )


async def request(
    connection: AsyncConnection,
    deps: Dependencies,
    user_id: UUID,
    kind: AccountMailKind,
    recipient: EmailAddress,
    now: datetime,
    **details: str,
) -> None:
    request_id = await record_request(connection, user_id, kind, recipient, now, **details)
    decide = partial(request_mail, user_id=user_id, request_id=request_id, kind=kind)
    await execute(connection, deps.store, ACCOUNT, stream(user_id), decide)


def client_details(client: ClientSummary, now: datetime) -> dict[str, str]:
    """The details of a mail that asks “was that you?”."""
    return {"device": client.device, "address": client.address, "at": now.isoformat()}


async def prepare(connection: AsyncConnection, request_id: UUID, now: datetime) -> AccountMail:
    """The mail with a fresh link; raises `NotFound` when it is no longer needed."""
    found = await mail_requests.find_sendable(connection, request_id, now)
    if found is None:
        raise NotFound
    kind, mail = found
    if kind not in LINK_LIFETIMES:
        return mail
    token, expires_at = new_secret(), now + LINK_LIFETIMES[kind]
    await links.insert(connection, token, request_id, expires_at)
    return mail.model_copy(update={"token": token, "expires_at": expires_at})
