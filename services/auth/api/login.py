"""Beginning a session and keeping it."""

from uuid import UUID

from services.auth import api_tokens, queries, session_list, sessions
from services.auth.api.parts import (
    GATEWAY,
    Hasher,
    Lifetimes,
    Limited,
    Now,
    Pool,
    Secrets,
    Signer,
    Store,
    begun,
    tokens,
    tokens_of_new,
)
from services.auth.client_info import ClientInfo
from services.auth.commands.sign_in import (
    begin_session,
    check_credentials,
    finish,
    still_right,
    use_link,
)
from shared.contracts.http.auth import (
    Challenged,
    LinkLogin,
    Login,
    LoginCode,
    SessionToken,
    Tokens,
    WebSessionToken,
)
from shared.errors import NotFound, Unauthenticated
from shared.web.app import Transaction
from shared.web.routes import Router

router = Router(prefix="/internal/sessions", dependencies=GATEWAY)


@router.post("", status_code=201)
async def log_in(
    body: Login,
    database: Pool,
    store: Store,
    hasher: Hasher,
    limits: Limited,
    signer: Signer,
    now: Now,
) -> Tokens | Challenged:
    """Begin a session, or ask for a code. Unknown users cost the same time as wrong passwords."""
    client_info = ClientInfo.of(body.client)
    found = await check_credentials(
        database,
        store,
        hasher,
        limits,
        email=body.email,
        password=body.password,
        client_info=client_info,
        now=now,
    )
    outdated = hasher.is_outdated(found.password_hash or "")
    new_hash = await hasher.hash(body.password, client_info.widest) if outdated else None
    async with database.transaction() as connection:
        person = await still_right(connection, found, new_hash)
        session = await begin_session(
            connection, store, limits, person, kind=body.kind, client_info=client_info, now=now
        )
    return begun(signer, session, person)


@router.post("/second-factor", status_code=201)
async def finish_login(
    body: LoginCode,
    database: Pool,
    store: Store,
    limits: Limited,
    secrets: Secrets,
    signer: Signer,
    now: Now,
) -> Tokens:
    """Answer the challenge that a login got; it is used up as soon as the code is right."""
    session, person = await finish(
        database,
        store,
        limits,
        secrets,
        challenge=body.challenge,
        code=body.code,
        client_info=ClientInfo.of(body.client),
        now=now,
    )
    return tokens_of_new(signer, session, person)


@router.post("/by-link", status_code=201)
async def log_in_by_link(
    body: LinkLogin,
    connection: Transaction,
    store: Store,
    limits: Limited,
    signer: Signer,
    now: Now,
) -> Tokens | Challenged:
    """Begin a browser's session by the link of a mail, which is used up."""
    person = await use_link(connection, body.token, now)
    session = await begin_session(
        connection,
        store,
        limits,
        person,
        kind="web",
        client_info=ClientInfo.of(body.client),
        now=now,
    )
    return begun(signer, session, person)


@router.post("/refresh")
async def refresh(
    body: SessionToken, database: Pool, signer: Signer, lifetime: Lifetimes, now: Now
) -> Tokens:
    """Exchange an API session's token; the old one is worth nothing from now on."""
    # Commits before it refuses: a token that comes twice ends its session.
    async with database.transaction() as connection:
        session = await sessions.refresh(connection, body.token, now, lifetime)
        if session is not None:
            preferences = await queries.preferences(connection, session.user_id)
    if session is None:
        raise Unauthenticated
    return tokens(signer, session.session_id, session.user_id, preferences, token=session.token)


@router.post("/access")
async def access(
    body: WebSessionToken, connection: Transaction, signer: Signer, lifetime: Lifetimes, now: Now
) -> Tokens:
    """A fresh access token for a web session."""
    address = ClientInfo.of(body.client).place.address
    session = await sessions.find_web(connection, body.token, now, lifetime, address)
    if session is None:
        raise Unauthenticated
    preferences = await queries.preferences(connection, session.user_id)
    return tokens(signer, session.session_id, session.user_id, preferences)


@router.get("/{session_id}", status_code=204)
async def session_is_alive(
    session_id: UUID, connection: Transaction, lifetime: Lifetimes, now: Now
) -> None:
    """204 while the session, or the API token of this id, lives; else 404."""
    if not (
        await session_list.is_alive(connection, session_id, now, lifetime)
        or await api_tokens.is_alive(connection, session_id, now)
    ):
        raise NotFound
