"""Changes the e-mail address of an account: requested, then confirmed by a link to the new one."""

from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.domain.account import ACCOUNT, change_email, stream
from services.auth.domain.client_info import ClientSummary
from services.auth.domain.credentials import EmailAddress, check_email
from services.auth.tables import security_log, users
from services.auth.tables.users import Person
from services.auth.use_cases import account_mails, throttling
from services.auth.use_cases.dependencies import Dependencies
from services.auth.use_cases.links import LinkInvalid
from services.auth.use_cases.reauthentication import lock_reauthenticated, reauthenticate
from services.auth.use_cases.unsolicited_mail import request_mail, request_mail_to_owner
from shared.eventsourcing.execute import execute
from shared.web.identity import User


async def request_change(
    deps: Dependencies, *, user: User, password: str, email: str, now: datetime
) -> bool:
    """Mail a link to the new address. If it has an account, only the owner of that learns it.

    False if the address is the account's own; a change that was requested before is cancelled then.
    """
    address = check_email(email)
    reauthenticated = await reauthenticate(deps, user, password, now)
    async with deps.database.transaction() as connection:
        person, client = await lock_reauthenticated(connection, user, reauthenticated)
        user_id = person.user_id
        if address.email == person.email:
            await users.set_pending_email(connection, user_id, None)
            return False
        await throttling.acquire(connection, deps.limits.email_changes(user_id), now)
        await users.set_pending_email(connection, user_id, address)
        await security_log.insert(connection, user_id, "email_change_requested", now, client)
        await request_confirmation(connection, deps, user_id, address, now)
    return True


async def request_confirmation(
    connection: AsyncConnection,
    deps: Dependencies,
    user_id: UUID,
    address: EmailAddress,
    now: datetime,
) -> None:
    """Mail a link to the new address, or a notice to the account that has this address already."""
    if await users.find_owner(connection, address.email) is None:
        await request_mail(connection, deps, user_id, "confirm_new_email", address, now)
    else:
        email = address.email
        await request_mail_to_owner(connection, deps, "already_registered", email, now)


async def complete_change(
    connection: AsyncConnection,
    deps: Dependencies,
    person: Person,
    address: EmailAddress,
    client: ClientSummary,
    now: datetime,
) -> None:
    """Raises `LinkInvalid` when another account has got the address meanwhile."""
    user_id = person.user_id
    try:
        async with connection.begin_nested():
            await users.set_email(connection, user_id, address, now)
    except IntegrityError:
        raise LinkInvalid from None
    await users.set_pending_email(connection, user_id, None)
    await security_log.insert(connection, user_id, "email_changed", now, client)
    decide = partial(change_email, user_id=user_id)
    await execute(connection, deps.store, ACCOUNT, stream(user_id), decide)
    if person.email_confirmed_at is None:
        return  # the old address may be another person's, who need not hear of it
    await account_mails.request(
        connection, deps, user_id, "email_changed", person.address, now, new_email=address.email
    )
