"""What the user has left of each limit."""

from fastapi import Response

from services.files.api.dependencies import Reader, Runner
from services.files.storage import limits
from shared.contracts.http.files import Limits
from shared.web.app import ReadConnection
from shared.web.files_state import files_state_header
from shared.web.routes import Router

router = Router(prefix="/internal")


@router.get("/limits")
async def current_limits(
    user: Reader, connection: ReadConnection, runner: Runner, response: Response
) -> Limits:
    count, newest = await limits.count_and_newest(connection, user.user_id)
    response.headers.update(files_state_header(count, newest))
    return await limits.current(connection, runner.quota, user.user_id, runner.clock())
