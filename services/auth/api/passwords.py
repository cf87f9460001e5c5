"""Passwords: changed by who knows them, replaced by who reads the account's mail."""

from contextlib import suppress

from services.auth import links, throttle
from services.auth.api.parts import (
    GATEWAY,
    Hasher,
    Limited,
    Meter,
    Now,
    Pool,
    Store,
)
from services.auth.client_info import ClientInfo
from services.auth.commands.passwords import RESETTING, change_password, reset_password
from services.auth.commands.reauthentication import reauthenticate
from services.auth.commands.unsolicited_mail import steady_time, write_to_owner
from services.auth.credentials import PasswordUnchanged, check_password, spelling
from shared.contracts.http.auth import PasswordChange, PasswordForgotten, PasswordReset
from shared.errors import OutcomeUnknown, Unavailable
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal")


@router.post("/password-resets", status_code=202, dependencies=GATEWAY)
async def ask_for_reset(
    body: PasswordForgotten, database: Pool, store: Store, limits: Limited, now: Now
) -> dict[str, str]:
    """Mail a link to the owner of the address, if there is one."""
    email = spelling(body.email)
    async with database.transaction() as connection:
        await throttle.enter(connection, limits.reset(ClientInfo.of(body.client)), now)
    async with steady_time(), database.transaction() as connection:
        await write_to_owner(connection, store, limits, "reset_password", email, now)
    return {}


@router.put("/password-resets", status_code=204, dependencies=GATEWAY)
async def reset(
    body: PasswordReset,
    database: Pool,
    store: Store,
    hasher: Hasher,
    meter: Meter,
    limits: Limited,
    now: Now,
) -> None:
    """Use a link up; every session and API token ends."""
    password, client_info = check_password(body.password), ClientInfo.of(body.client)
    async with database.transaction() as connection:
        link = await links.try_password(connection, body.token, RESETTING, now)
    await meter.check(password, link.email, client_info.widest)
    password_hash = await hasher.hash(password, client_info.widest)
    async with database.transaction() as connection:
        await reset_password(
            connection,
            store,
            token=body.token,
            password_hash=password_hash,
            client_info=client_info,
            now=now,
        )
    with suppress(Unavailable, OutcomeUnknown):  # the password is replaced, whatever happens here
        async with database.transaction() as connection:
            await throttle.forget(connection, limits.forgiven(link.email, client_info), now)


@router.post("/me/password", status_code=204)
async def change(
    body: PasswordChange,
    user: CurrentUser,
    database: Pool,
    store: Store,
    hasher: Hasher,
    meter: Meter,
    limits: Limited,
    now: Now,
) -> None:
    """Every other session ends."""
    password = check_password(body.new_password)
    proven, place = await reauthenticate(database, hasher, limits, user, body.current_password, now)
    network = ClientInfo(place.address).widest
    if password == body.current_password:
        raise PasswordUnchanged
    await meter.check(password, proven.email, network)
    password_hash = await hasher.hash(password, network)
    async with database.transaction() as connection:
        await change_password(
            connection,
            store,
            user=user,
            proven=proven,
            password_hash=password_hash,
            revoke_tokens=body.revoke_tokens,
            now=now,
        )
