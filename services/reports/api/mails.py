"""The log of mails."""

from services.reports.api.dependencies import READ_YOUR_WRITES, Cursor, Limit
from services.reports.queries import mails as queries
from shared.contracts.http.reports import MailPage
from shared.web.app import ReadConnection
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal", dependencies=READ_YOUR_WRITES)


@router.get("/mails")
async def mails(
    user: CurrentUser, connection: ReadConnection, limit: Limit = 50, cursor: Cursor = None
) -> MailPage:
    page = await queries.mails(connection, user.user_id, cursor, limit)
    return MailPage(mails=page.items, next_cursor=page.next_cursor)
