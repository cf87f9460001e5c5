"""Starts sessions, and gives access to those that were started before."""

from uuid import UUID

from services.auth.api.dependencies import GATEWAY, Deps, Now, Signer, login_answer, tokens
from services.auth.domain.client_info import ClientInfo
from services.auth.use_cases import challenges, login, sessions
from shared.contracts.http.auth import (
    Challenged,
    LinkLogin,
    Login,
    LoginCode,
    SessionToken,
    Tokens,
    WebSessionToken,
)
from shared.web.app import Transaction
from shared.web.routes import Router

router = Router(prefix="/internal/sessions", dependencies=GATEWAY)


@router.post("", status_code=201)
async def log_in(body: Login, deps: Deps, signer: Signer, now: Now) -> Tokens | Challenged:
    """Start a session, or ask for a code. Unknown users take the same time as wrong passwords."""
    result = await login.log_in(
        deps,
        email=body.email,
        password=body.password,
        kind=body.kind,
        client_info=ClientInfo.of(body.client),
        now=now,
    )
    return login_answer(signer, result)


@router.post("/second-factor", status_code=201)
async def answer_challenge(body: LoginCode, deps: Deps, signer: Signer, now: Now) -> Tokens:
    """Answer the challenge of a login; it is used up as soon as the code is right."""
    grant = await challenges.answer(
        deps,
        challenge=body.challenge,
        code=body.code,
        client_info=ClientInfo.of(body.client),
        now=now,
    )
    return tokens(signer, grant)


@router.post("/by-link", status_code=201)
async def log_in_by_link(
    body: LinkLogin, connection: Transaction, deps: Deps, signer: Signer, now: Now
) -> Tokens | Challenged:
    """Start a browser's session by the link of a mail, which is used up."""
    client_info = ClientInfo.of(body.client)
    result = await login.log_in_by_link(
        connection, deps, token=body.token, client_info=client_info, now=now
    )
    return login_answer(signer, result)


@router.post("/refresh")
async def refresh(body: SessionToken, deps: Deps, signer: Signer, now: Now) -> Tokens:
    """Exchange an API session's token; the former one is invalid from now on."""
    return tokens(signer, await sessions.refresh(deps, body.token, now))


@router.post("/access")
async def use_web_session(
    body: WebSessionToken, connection: Transaction, deps: Deps, signer: Signer, now: Now
) -> Tokens:
    """A fresh access token for a web session."""
    address = ClientInfo.of(body.client).summary.address
    grant = await sessions.use_web_session(connection, deps, body.token, address, now)
    return tokens(signer, grant)


@router.get("/{session_id}", status_code=204)
async def check_active(session_id: UUID, connection: Transaction, deps: Deps, now: Now) -> None:
    """204 while the session, or the API token of this id, is active; else 404."""
    await sessions.check_active(connection, deps, session_id, now)
