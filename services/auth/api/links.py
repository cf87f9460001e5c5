"""What a link in a mail is good for."""

from uuid import UUID

from pydantic import BaseModel, Field

from services.auth import accounts, links
from services.auth.api.parts import GATEWAY, Body, LinkToken, Now
from services.auth.commands.registration import registered_with
from shared.contracts.auth import AccountMailKind
from shared.web.app import Transaction
from shared.web.routes import Router

router = Router(prefix="/internal/links", dependencies=GATEWAY)


class Shown(Body):
    """The token of a link that somebody has opened, perhaps in the browser that has registered."""

    token: LinkToken
    cookie: str = Field("", max_length=200, description="the browser got it when it registered")


class Works(BaseModel):
    """What the link is for, and of which account; never the address."""

    kind: AccountMailKind
    user_id: UUID
    registered_here: bool


@router.post("")
async def look(body: Shown, connection: Transaction, now: Now) -> Works:
    """Use nothing up; 422 `link_invalid` for a link that is used, too old or nobody's."""
    link = await links.look(connection, body.token, now)
    person = await accounts.find(connection, link.user_id)
    here = person is not None and registered_with(body.cookie)(link, person)
    return Works(kind=link.kind, user_id=link.user_id, registered_here=here)
