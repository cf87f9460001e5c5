"""Links that prove an address, each with a proof that the account is one's own."""

from datetime import datetime

from pydantic import BaseModel, Field

from services.auth import accounts, links
from services.auth.accounts import Credentials
from services.auth.api.links import Shown
from services.auth.api.parts import (
    GATEWAY,
    Body,
    Challenged,
    Client,
    Hasher,
    Limited,
    LinkToken,
    Now,
    Password,
    Pool,
    Signer,
    Store,
    Tokens,
    begun,
)
from services.auth.commands.registration import (
    KINDS,
    Confirmed,
    ask_again,
    confirm,
    is_logged_in,
    knows_password,
    registered_with,
)
from services.auth.commands.sign_in import begin_session, check_credentials
from services.auth.credentials import WrongCredentials, WrongPassword
from shared.web.app import Transaction
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal")


class Confirmation(Shown):
    """The link with what proves that the account is one's own: that browser, or the password."""

    password: Password | None = None
    log_in: bool = Field(False, strict=True, description="begin a session of the browser, too")
    client: Client = Client()


class OwnConfirmation(Body):
    """The link of somebody who is logged in."""

    token: LinkToken


class Done(BaseModel):
    """What the link was for; and if one was asked for, the session, or the way to it by a code."""

    kind: Confirmed
    session: Tokens | Challenged | None = None


@router.post("/confirmations", dependencies=GATEWAY)
async def confirm_address(
    body: Confirmation,
    database: Pool,
    store: Store,
    hasher: Hasher,
    limits: Limited,
    signer: Signer,
    now: Now,
) -> Done:
    client_info = body.client.client_info()
    is_theirs = registered_with(body.cookie)
    if body.password is not None:
        found = await _check_password(body, body.password, database, store, hasher, limits, now)
        is_theirs = knows_password(found)
    async with database.transaction() as connection:
        kind, person = await confirm(
            connection, store, limits, body.token, is_theirs, client_info.place, now
        )
        if not body.log_in:
            return Done(kind=kind)
        session = await begin_session(
            connection, store, limits, person, kind="web", client_info=client_info, now=now
        )
    return Done(kind=kind, session=begun(signer, session, person))


@router.post("/me/confirmations")
async def confirm_own(
    body: OwnConfirmation,
    user: CurrentUser,
    connection: Transaction,
    store: Store,
    limits: Limited,
    now: Now,
) -> Done:
    """The session must live, and be one of the account that the link belongs to."""
    _, place = await accounts.authenticated_person(connection, user)
    proof = is_logged_in(user)
    kind, _ = await confirm(connection, store, limits, body.token, proof, place, now)
    return Done(kind=kind)


@router.post("/confirmations/again", status_code=202)
async def confirm_again(
    user: CurrentUser, connection: Transaction, store: Store, limits: Limited, now: Now
) -> dict[str, str]:
    """Send the link once more; nothing happens when no address waits for one."""
    await ask_again(connection, store, limits, user, now)
    return {}


async def _check_password(
    body: Confirmation,
    password: str,
    database: Pool,
    store: Store,
    hasher: Hasher,
    limits: Limited,
    now: datetime,
) -> Credentials:
    """Of the account that the link belongs to; tries count as those of a login."""
    async with database.transaction() as connection:
        link = await links.find(connection, body.token, KINDS, now)
        person = await accounts.find(connection, link.user_id)
    if person is None:
        raise links.LinkInvalid
    try:
        return await check_credentials(
            database,
            store,
            hasher,
            limits,
            email=person.email,
            password=password,
            client_info=body.client.client_info(),
            now=now,
        )
    except WrongCredentials:
        raise WrongPassword from None
