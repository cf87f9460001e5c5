"""Links that prove an address."""

from fastapi import APIRouter
from pydantic import BaseModel

from services.auth.api.parts import GATEWAY, Body, Client, Limited, LinkToken, Now, Store
from services.auth.commands.registration import Confirmed, ask_again, confirm
from shared.web.app import Transaction
from shared.web.identity import CurrentUser

router = APIRouter(prefix="/internal/confirmations")


class Confirmation(Body):
    """The token of a link."""

    token: LinkToken
    client: Client = Client()


class Done(BaseModel):
    """What the link was for."""

    kind: Confirmed


@router.post("", dependencies=GATEWAY)
async def confirm_address(
    body: Confirmation, connection: Transaction, store: Store, now: Now
) -> Done:
    visitor = body.client.visitor()
    return Done(kind=await confirm(connection, store, body.token, visitor, now))


@router.post("/again", status_code=202)
async def confirm_again(
    user: CurrentUser, connection: Transaction, store: Store, limits: Limited, now: Now
) -> dict[str, str]:
    """Send the link once more; nothing happens when no address waits for one."""
    await ask_again(connection, store, limits, user, now)
    return {}
