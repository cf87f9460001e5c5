"""What a link in a mail is good for."""

from fastapi import APIRouter
from pydantic import BaseModel

from services.auth import links
from services.auth.api.parts import GATEWAY, Body, LinkToken, Now
from shared.contracts.auth import AccountMailKind
from shared.web.app import Transaction

router = APIRouter(prefix="/internal/links", dependencies=GATEWAY)


class Shown(Body):
    """The token of a link that somebody has opened."""

    token: LinkToken


class Works(BaseModel):
    """What the link is for; never whose it is."""

    kind: AccountMailKind


@router.post("")
async def look(body: Shown, connection: Transaction, now: Now) -> Works:
    """Use nothing up; 422 `link_invalid` for a link that is used, too old or nobody's."""
    return Works(kind=(await links.look(connection, body.token, now)).kind)
