"""What a link in a mail is for."""

from services.auth.api.dependencies import GATEWAY, Now
from services.auth.use_cases import confirmation
from shared.contracts.http.auth import Link, LinkLookup
from shared.web.app import Transaction
from shared.web.routes import Router

router = Router(prefix="/internal/links", dependencies=GATEWAY)


@router.post("")
async def look_up(body: LinkLookup, connection: Transaction, now: Now) -> Link:
    """Use nothing up; 422 `link_invalid` for a link that is used, expired or made up."""
    link, registered_here = await confirmation.look_up(connection, body.token, body.cookie, now)
    return Link(kind=link.kind, user_id=link.user_id, registered_here=registered_here)
