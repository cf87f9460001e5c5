"""Changing a password that is known, and replacing one that is forgotten."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import (
    account_mails,
    accounts,
    api_tokens,
    devices,
    links,
    security_log,
    session_list,
)
from services.auth.accounts import Person
from services.auth.commands.proof import still
from services.auth.commands.registration import mark_confirmed
from services.auth.visitors import Place, Visitor
from shared.eventsourcing.store import EventStore
from shared.web.identity import User


async def change_password(
    connection: AsyncConnection,
    store: EventStore,
    *,
    user: User,
    proven: Person,
    password_hash: str,
    now: datetime,
) -> None:
    """Every other session ends."""
    person, place = await still(connection, user, proven)
    await session_list.end_all(connection, person.user_id, now, but=user.session_id)
    await security_log.note(connection, person.user_id, "password_changed", now, place)
    await _replace(connection, store, person, password_hash, place, now)


async def reset_password(
    connection: AsyncConnection,
    store: EventStore,
    *,
    token: str,
    password_hash: str,
    visitor: Visitor,
    now: datetime,
) -> None:
    """Use a link up. Nothing lives on that somebody else may have made.

    No session, no API token, no known device, no wished-for address. And whoever has the mail has
    proven that the account's address is theirs.
    """
    _, person = await links.use(connection, token, ["reset_password"], now)
    user_id = person.user_id
    await session_list.end_all(connection, user_id, now)
    await api_tokens.revoke_all(connection, user_id)
    await devices.forget_all(connection, user_id)
    await links.void(connection, user_id, "confirm_new_email", now)
    await accounts.change(connection, user_id, pending_email=None)
    await security_log.note(connection, user_id, "password_reset", now, visitor.place)
    await mark_confirmed(connection, store, person, now)
    await _replace(connection, store, person, password_hash, visitor.place, now)


async def _replace(
    connection: AsyncConnection,
    store: EventStore,
    person: Person,
    password_hash: str,
    place: Place,
    now: datetime,
) -> None:
    await accounts.change(connection, person.user_id, password_hash=password_hash)
    await links.void(connection, person.user_id, "reset_password", now)
    await account_mails.request(
        connection,
        store,
        person.user_id,
        "password_changed",
        person.email,
        now,
        **account_mails.where(place, now),
    )
