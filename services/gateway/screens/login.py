"""Login and logout."""

from fastapi import Request, Response

from services.gateway.addresses import local_path
from services.gateway.errors import SecondFactorNeeded
from services.gateway.provision import Cookies, Pages, Sessions
from services.gateway.screens.forms import NOTICES, fields, go, lead_back
from services.gateway.sessions import Visitor
from shared.errors import DomainError, Unauthenticated
from shared.web.routes import Router

router = Router(include_in_schema=False)
lead_back(router, "/logout", "/")
CODE_PAGE = "/login/code"


@router.get("/login")
async def login(
    request: Request,
    visitor: Visitor,
    pages: Pages,
    cookies: Cookies,
    next: str = "/",  # noqa: A002
    notice: str = "",
) -> Response:
    if visitor is not None:
        return go(local_path(next))
    email = cookies.read_text(request, "email")
    return pages.render(
        request, "login.html", next=local_path(next), notice=NOTICES.get(notice), email=email
    )


@router.post("/login")
async def log_in(request: Request, pages: Pages, sessions: Sessions) -> Response:
    email, password, wanted = await fields(request, "email", "password", "next")
    wanted = local_path(wanted)
    try:
        await sessions.begin(request, email, password)
    except SecondFactorNeeded:
        return go(CODE_PAGE, next=wanted)
    except DomainError as error:
        return pages.refuse(request, "login.html", error, next=wanted, notice=None, email=email)
    return go(wanted)


@router.get(CODE_PAGE)
async def ask_for_code(
    request: Request,
    _: Visitor,
    pages: Pages,
    cookies: Cookies,
    next: str = "/",  # noqa: A002
) -> Response:
    wanted = local_path(next)
    if not cookies.read(request, "challenge"):
        return go("/login", next=wanted)
    return pages.render(request, "login_code.html", next=wanted, recovers=False)


@router.post(CODE_PAGE)
async def give_code(
    request: Request, pages: Pages, cookies: Cookies, sessions: Sessions
) -> Response:
    code, recovery_code, wanted = await fields(request, "code", "recovery_code", "next")
    wanted = local_path(wanted)
    try:
        await sessions.finish(request, code or recovery_code)
    except Unauthenticated as error:  # the login has ended
        email = cookies.read_text(request, "email")
        return pages.refuse(request, "login.html", error, next=wanted, notice=None, email=email)
    except DomainError as error:
        recovers = bool(recovery_code)
        return pages.refuse(request, "login_code.html", error, next=wanted, recovers=recovers)
    return go(wanted)


@router.post("/logout")
async def log_out(request: Request, sessions: Sessions) -> Response:
    await sessions.end(request)
    return go("/login", notice="logged_out")
