"""A person's account: what it says, preferences, address."""

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field

from services.auth import queries, throttle
from services.auth.accounts import Theme
from services.auth.api.parts import Body, Email, Hasher, Limited, Now, Password, Pool, Store
from services.auth.commands.addresses import ask_for_change
from services.auth.commands.preferences import AUTO, change_preferences, check_time_zone
from services.auth.commands.reauthentication import reauthenticate
from services.auth.credentials import check_email
from shared.contracts.auth import Language
from shared.web.app import Questions
from shared.web.identity import CurrentUser, User, user_with
from shared.web.routes import Router

router = Router(prefix="/internal/me")
Reader = Annotated[User, Depends(user_with("account"))]


class Changes(Body):
    """What is to be different; what is left out stays."""

    language: Language = "en"
    time_zone: str = Field(AUTO, max_length=100)
    theme: Theme = "auto"
    mail_on_new_device: bool = Field(True, strict=True)


class Asked(BaseModel):
    """Whether a mail may be on its way: none goes to the address the account has already."""

    mailed: bool


class NewEmail(Body):
    """A wish for another address."""

    password: Password
    email: Email


@router.get("")
async def me(user: Reader, connection: Questions) -> queries.Account:
    return await queries.account(connection, user.user_id)


@router.patch("")
async def change_me(
    body: Changes, user: CurrentUser, database: Pool, store: Store, limits: Limited, now: Now
) -> queries.Account:
    check_time_zone(body.time_zone)
    changes = body.model_dump(exclude_unset=True)
    async with database.transaction() as connection:
        await throttle.enter(connection, limits.changes(user.user_id), now, counts=bool(changes))
    async with database.transaction() as connection:
        await change_preferences(connection, store, user, changes)
        return await queries.account(connection, user.user_id)


@router.post("/email", status_code=202)
async def change_email(
    body: NewEmail,
    user: CurrentUser,
    database: Pool,
    store: Store,
    hasher: Hasher,
    limits: Limited,
    now: Now,
) -> Asked:
    """Mail a link to the new address; the same answer when it has an account."""
    address = check_email(body.email)
    proven, _ = await reauthenticate(database, hasher, limits, user, body.password, now)
    async with database.transaction() as connection:
        mailed = await ask_for_change(
            connection, store, limits, user=user, proven=proven, address=address, now=now
        )
    return Asked(mailed=mailed)
