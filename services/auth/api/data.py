"""A person's data: the security log, an export, and the erasure of the account."""

from typing import Annotated

from fastapi import Query

from services.auth.api.dependencies import Deps, Now
from services.auth.use_cases import erasure, export, security_log
from shared.contracts.http.auth import Export, PasswordProof, SecurityPage
from shared.web.app import Transaction
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal/me")
Cursor = Annotated[str | None, Query(pattern="^[1-9][0-9]{0,17}$")]
PageSize = Annotated[int, Query(ge=1, le=100)]


@router.get("/security-log")
async def read_security_log(
    user: CurrentUser, connection: Transaction, cursor: Cursor = None, limit: PageSize = 50
) -> SecurityPage:
    before = int(cursor) if cursor else None
    entries, next_before = await security_log.read_page(connection, user, before, limit)
    next_cursor = str(next_before) if next_before is not None else None
    return SecurityPage(entries=list(entries), next_cursor=next_cursor)


@router.get("/export")
async def export_account(
    user: CurrentUser, connection: Transaction, deps: Deps, now: Now
) -> Export:
    return await export.export_account(connection, deps, user, now)


@router.post("/erasure", status_code=204)
async def erase_account(body: PasswordProof, user: CurrentUser, deps: Deps, now: Now) -> None:
    """Erase the person here at once, and in all services as soon as they receive the event."""
    await erasure.erase_account(deps, user, body.password, now)
