"""A person's account: what it says, preferences, address."""

from typing import Annotated

from fastapi import Depends

from services.auth import queries, throttle
from services.auth.api.parts import Hasher, Limited, Now, Pool, Store
from services.auth.commands.addresses import ask_for_change
from services.auth.commands.preferences import change_preferences, check_time_zone
from services.auth.commands.reauthentication import reauthenticate
from services.auth.credentials import check_email
from shared.contracts.http.auth import (
    Account,
    EmailChange,
    EmailChangeResult,
    PreferenceChanges,
)
from shared.web.app import Questions
from shared.web.identity import CurrentUser, User, user_with
from shared.web.routes import Router

router = Router(prefix="/internal/me")
Reader = Annotated[User, Depends(user_with("account"))]


@router.get("")
async def me(user: Reader, connection: Questions) -> Account:
    return await queries.account(connection, user.user_id)


@router.patch("")
async def change_me(
    body: PreferenceChanges,
    user: CurrentUser,
    database: Pool,
    store: Store,
    limits: Limited,
    now: Now,
) -> Account:
    check_time_zone(body.time_zone)
    changes = body.model_dump(exclude_unset=True)
    async with database.transaction() as connection:
        await throttle.enter(connection, limits.changes(user.user_id), now, counts=bool(changes))
    async with database.transaction() as connection:
        await change_preferences(connection, store, user, changes)
        return await queries.account(connection, user.user_id)


@router.post("/email", status_code=202)
async def change_email(
    body: EmailChange,
    user: CurrentUser,
    database: Pool,
    store: Store,
    hasher: Hasher,
    limits: Limited,
    now: Now,
) -> EmailChangeResult:
    """Mail a link to the new address; the same answer when it has an account."""
    address = check_email(body.email)
    proven, _ = await reauthenticate(database, hasher, limits, user, body.password, now)
    async with database.transaction() as connection:
        mailed = await ask_for_change(
            connection, store, limits, user=user, proven=proven, address=address, now=now
        )
    return EmailChangeResult(mailed=mailed)
