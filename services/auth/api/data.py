"""A person's data: the security log, a copy of everything, and the end of it."""

from typing import Annotated

from fastapi import Query

from services.auth import (
    account_mails,
    accounts,
    api_tokens,
    devices,
    queries,
    second_factor,
    security_log,
    session_list,
    throttle,
)
from services.auth.api.parts import Hasher, Limited, Now, Pool, Store
from services.auth.commands.erasure import erase_account
from services.auth.commands.reauthentication import reauthenticate
from shared.contracts.http.auth import Export, ExportedAccount, PasswordProof, SecurityPage
from shared.web.app import Transaction
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal/me")
Cursor = Annotated[str | None, Query(pattern="^[1-9][0-9]{0,17}$")]
PageSize = Annotated[int, Query(ge=1, le=100)]


@router.get("/security-log")
async def log(
    user: CurrentUser, connection: Transaction, cursor: Cursor = None, limit: PageSize = 50
) -> SecurityPage:
    await accounts.place_of(connection, user)
    before = int(cursor) if cursor else None
    found = list(await security_log.entries(connection, user.user_id, before, limit + 1))
    last = found[limit - 1] if len(found) > limit else None
    return SecurityPage(entries=found[:limit], next_cursor=str(last.id) if last else None)


@router.get("/export")
async def export(user: CurrentUser, connection: Transaction, limits: Limited, now: Now) -> Export:
    _, place = await accounts.authenticated_person(connection, user)
    await throttle.enter(connection, limits.changes(user.user_id), now)
    await security_log.note(connection, user.user_id, "exported", now, place)
    account = await queries.account(connection, user.user_id)
    factor = await second_factor.state(connection, user.user_id)
    return Export(
        account=ExportedAccount(**account.model_dump(), second_factor=factor),
        delivery=await queries.delivery(connection, user.user_id),
        sessions=list(await session_list.kept(connection, user.user_id)),
        devices=list(await devices.seen(connection, user.user_id)),
        tokens=list(await api_tokens.kept(connection, user.user_id)),
        mails=list(await account_mails.requested(connection, user.user_id)),
    )


@router.post("/erasure", status_code=204)
async def erase(
    body: PasswordProof,
    user: CurrentUser,
    database: Pool,
    store: Store,
    hasher: Hasher,
    limits: Limited,
    now: Now,
) -> None:
    """Forget the person, here at once and in all services as soon as they hear of it."""
    proven, _ = await reauthenticate(database, hasher, limits, user, body.password, now)
    async with database.transaction() as connection:
        await erase_account(connection, store, user=user, proven=proven)
