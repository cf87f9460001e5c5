"""Making an account."""

from services.auth import throttle
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
from services.auth.commands.registration import register_user
from services.auth.credentials import check_email, check_password
from shared.contracts.http.auth import Registration
from shared.web.routes import Router

router = Router(prefix="/internal", dependencies=GATEWAY)


@router.post("/users", status_code=202)
async def register(
    body: Registration,
    database: Pool,
    store: Store,
    hasher: Hasher,
    meter: Meter,
    limits: Limited,
    now: Now,
) -> dict[str, str]:
    """Answers the same, after the same work, for addresses known and unknown."""
    address, password = check_email(body.email), check_password(body.password)
    client_info = ClientInfo.of(body.client)
    async with database.transaction() as connection:
        await throttle.enter(connection, limits.registration(client_info), now)
    await meter.check(password, address.email, client_info.widest)
    password_hash = await hasher.hash(password, client_info.widest)
    async with database.transaction() as connection:
        await register_user(
            connection,
            store,
            limits,
            address=address,
            password_hash=password_hash,
            language=body.language,
            client_info=client_info,
            now=now,
            cookie=body.cookie,
        )
    return {}
