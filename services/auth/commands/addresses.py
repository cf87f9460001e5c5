"""Changing the address of an account: asked for, confirmed at the new one, told to the old one."""

from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth import account_mails, accounts, security_log, throttle
from services.auth.accounts import Person
from services.auth.client_info import Place
from services.auth.commands.reauthentication import lock_reauthenticated
from services.auth.commands.unsolicited_mail import write_to, write_to_owner
from services.auth.credentials import EmailAddress
from services.auth.domain.account import ACCOUNT, change_email, stream
from services.auth.limits import Limits
from services.auth.links import LinkInvalid
from shared.eventsourcing.execute import execute
from shared.eventsourcing.store import EventStore
from shared.web.identity import User


async def ask_for_change(
    connection: AsyncConnection,
    store: EventStore,
    limits: Limits,
    *,
    user: User,
    proven: Person,
    address: EmailAddress,
    now: datetime,
) -> bool:
    """Mail a link to the new address. That it has an account already only its owner learns.

    False, and a wish of before is withdrawn, where it is the account's own.
    """
    person, place = await lock_reauthenticated(connection, user, proven)
    if address.email == person.email:
        await accounts.wish_for(connection, person.user_id, None)
        return False
    await throttle.enter(connection, limits.address_change(person.user_id), now)
    await accounts.wish_for(connection, person.user_id, address)
    await security_log.note(connection, person.user_id, "email_change_requested", now, place)
    await ask_new_owner(connection, store, limits, person.user_id, address, now)
    return True


async def ask_new_owner(
    connection: AsyncConnection,
    store: EventStore,
    limits: Limits,
    user_id: UUID,
    address: EmailAddress,
    now: datetime,
) -> None:
    if await accounts.owner(connection, address.email) is None:
        await write_to(connection, store, limits, user_id, "confirm_new_email", address, now)
    else:
        await write_to_owner(connection, store, limits, "already_registered", address.email, now)


async def complete_change(
    connection: AsyncConnection,
    store: EventStore,
    person: Person,
    address: EmailAddress,
    place: Place,
    now: datetime,
) -> None:
    """Raises `LinkInvalid` when somebody else has taken the address meanwhile."""
    user_id = person.user_id
    try:
        async with connection.begin_nested():
            await accounts.change(connection, user_id, **address._asdict(), email_confirmed_at=now)
    except IntegrityError:
        raise LinkInvalid from None
    await accounts.wish_for(connection, user_id, None)
    await security_log.note(connection, user_id, "email_changed", now, place)
    decide = partial(change_email, user_id=user_id)
    await execute(connection, store, ACCOUNT, stream(user_id), decide)
    if person.email_confirmed_at is None:
        return  # the old address may be a stranger's, who need not hear of it
    await account_mails.request(
        connection, store, user_id, "email_changed", person.address, now, new_email=address.email
    )
