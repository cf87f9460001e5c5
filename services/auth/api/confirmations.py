"""Links that prove an address, each with a proof that the account is one's own."""

from datetime import datetime

from services.auth import accounts, links
from services.auth.accounts import Credentials
from services.auth.api.parts import (
    GATEWAY,
    Hasher,
    Limited,
    Now,
    Pool,
    Signer,
    Store,
    begun,
)
from services.auth.client_info import ClientInfo
from services.auth.commands.registration import (
    KINDS,
    ask_again,
    confirm,
    is_logged_in,
    knows_password,
    registered_with,
)
from services.auth.commands.sign_in import begin_session, check_credentials
from services.auth.credentials import WrongCredentials, WrongPassword
from shared.contracts.http.auth import Confirmation, ConfirmationResult, OwnConfirmation
from shared.web.app import Transaction
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal")


@router.post("/confirmations", dependencies=GATEWAY)
async def confirm_address(
    body: Confirmation,
    database: Pool,
    store: Store,
    hasher: Hasher,
    limits: Limited,
    signer: Signer,
    now: Now,
) -> ConfirmationResult:
    client_info = ClientInfo.of(body.client)
    is_theirs = registered_with(body.cookie)
    if body.password is not None:
        found = await _check_password(body, body.password, database, store, hasher, limits, now)
        is_theirs = knows_password(found)
    async with database.transaction() as connection:
        kind, person = await confirm(
            connection, store, limits, body.token, is_theirs, client_info.place, now
        )
        if not body.log_in:
            return ConfirmationResult(kind=kind)
        session = await begin_session(
            connection, store, limits, person, kind="web", client_info=client_info, now=now
        )
    return ConfirmationResult(kind=kind, session=begun(signer, session, person))


@router.post("/me/confirmations")
async def confirm_own(
    body: OwnConfirmation,
    user: CurrentUser,
    connection: Transaction,
    store: Store,
    limits: Limited,
    now: Now,
) -> ConfirmationResult:
    """The session must live, and be one of the account that the link belongs to."""
    _, place = await accounts.authenticated_person(connection, user)
    proof = is_logged_in(user)
    kind, _ = await confirm(connection, store, limits, body.token, proof, place, now)
    return ConfirmationResult(kind=kind)


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
            client_info=ClientInfo.of(body.client),
            now=now,
        )
    except WrongCredentials:
        raise WrongPassword from None
