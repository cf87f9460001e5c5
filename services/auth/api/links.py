"""What a link in a mail is good for."""

from services.auth import accounts, links
from services.auth.api.parts import GATEWAY, Now
from services.auth.commands.registration import registered_with
from shared.contracts.http.auth import Link, LinkLookup
from shared.web.app import Transaction
from shared.web.routes import Router

router = Router(prefix="/internal/links", dependencies=GATEWAY)


@router.post("")
async def look(body: LinkLookup, connection: Transaction, now: Now) -> Link:
    """Use nothing up; 422 `link_invalid` for a link that is used, too old or nobody's."""
    link = await links.look(connection, body.token, now)
    person = await accounts.find(connection, link.user_id)
    here = person is not None and registered_with(body.cookie)(link, person)
    return Link(kind=link.kind, user_id=link.user_id, registered_here=here)
