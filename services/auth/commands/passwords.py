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
from services.auth.client_info import ClientInfo, Place
from services.auth.commands.reauthentication import lock_reauthenticated
from services.auth.commands.registration import mark_confirmed
from shared.contracts.auth import AccountMailKind
from shared.eventsourcing.store import EventStore
from shared.web.identity import User

# A link that confirms the address proves as much as one to a new password.
RESETTING: tuple[AccountMailKind, ...] = ("reset_password", "confirm_email")
_WITH_THE_PASSWORD: tuple[AccountMailKind, ...] = ("reset_password", "log_in", "confirm_new_email")


async def change_password(
    connection: AsyncConnection,
    store: EventStore,
    *,
    user: User,
    proven: Person,
    password_hash: str,
    revoke_tokens: bool,
    now: datetime,
) -> None:
    """Every other session ends; an address nobody has confirmed may be a stranger's."""
    person, place = await lock_reauthenticated(connection, user, proven)
    await session_list.end_all(connection, person.user_id, now, but=user.session_id)
    if revoke_tokens and await api_tokens.revoke_all(connection, person.user_id):
        await security_log.note(connection, person.user_id, "token_revoked", now, place)
    await security_log.note(connection, person.user_id, "password_changed", now, place)
    await _replace(connection, person, password_hash, now)
    if person.email_confirmed_at is not None:
        await _tell(connection, store, person, place, now)


async def reset_password(
    connection: AsyncConnection,
    store: EventStore,
    *,
    token: str,
    password_hash: str,
    client_info: ClientInfo,
    now: datetime,
) -> None:
    """Use a link up. Nothing lives on that somebody else may have made.

    No session, no API token, no known device. And whoever has the mail has proven that the
    account's address is theirs.
    """
    _, person = await links.use(connection, token, RESETTING, now)
    user_id = person.user_id
    await session_list.end_all(connection, user_id, now)
    await api_tokens.revoke_all(connection, user_id)
    await devices.forget_all(connection, user_id)
    await security_log.note(connection, user_id, "password_reset", now, client_info.place)
    await mark_confirmed(connection, store, person, now)
    await _replace(connection, person, password_hash, now)
    await _tell(connection, store, person, client_info.place, now)


async def _replace(
    connection: AsyncConnection, person: Person, password_hash: str, now: datetime
) -> None:
    """Also the wish for another address goes: it may be that of somebody who knew the old one."""
    await accounts.change(
        connection,
        person.user_id,
        password_hash=password_hash,
        password_version=person.password_version + 1,
    )
    await accounts.wish_for(connection, person.user_id, None)
    for kind in _WITH_THE_PASSWORD:
        await links.void(connection, person.user_id, kind, now)


async def _tell(
    connection: AsyncConnection, store: EventStore, person: Person, place: Place, now: datetime
) -> None:
    await account_mails.request(
        connection,
        store,
        person.user_id,
        "password_changed",
        person.address,
        now,
        **account_mails.where(place, now),
    )
