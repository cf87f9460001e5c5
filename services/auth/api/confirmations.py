"""Links that confirm an e-mail address, each with a proof that the account is one's own."""

from services.auth.api.dependencies import GATEWAY, Deps, Now, Signer, login_answer
from services.auth.domain.client_info import ClientInfo
from services.auth.use_cases import confirmation
from shared.contracts.http.auth import Confirmation, ConfirmationResult, OwnConfirmation
from shared.web.app import Transaction
from shared.web.identity import CurrentUser
from shared.web.routes import Router

router = Router(prefix="/internal")


@router.post("/confirmations", dependencies=GATEWAY)
async def confirm(body: Confirmation, deps: Deps, signer: Signer, now: Now) -> ConfirmationResult:
    kind, login = await confirmation.confirm(
        deps,
        token=body.token,
        cookie=body.cookie,
        password=body.password,
        log_in=body.log_in,
        client_info=ClientInfo.of(body.client),
        now=now,
    )
    session = login_answer(signer, login) if login else None
    return ConfirmationResult(kind=kind, session=session)


@router.post("/me/confirmations")
async def confirm_own(
    body: OwnConfirmation, user: CurrentUser, connection: Transaction, deps: Deps, now: Now
) -> ConfirmationResult:
    """The session must be active, and one of the account that the link belongs to."""
    kind = await confirmation.confirm_own(connection, deps, user, body.token, now)
    return ConfirmationResult(kind=kind)


@router.post("/confirmations/again", status_code=202)
async def request_again(
    user: CurrentUser, connection: Transaction, deps: Deps, now: Now
) -> dict[str, str]:
    """Mail the links again that have not been used."""
    await confirmation.request_again(connection, deps, user, now)
    return {}
