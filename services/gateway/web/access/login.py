"""Login and logout."""

from fastapi import Request, Response

from services.gateway.dependencies import Cookies, Sessions
from services.gateway.errors import SecondFactorRequired
from services.gateway.http.safe_redirect import local_path
from services.gateway.identity.sessions import OptionalUser
from services.gateway.web.flash_messages import FLASH_MESSAGES
from services.gateway.web.forms import fields, redirect_get_to, see_other
from services.gateway.web.rendering import Pages
from shared.errors import DomainError, Unauthenticated
from shared.web.routes import Router

router = Router(include_in_schema=False)
redirect_get_to(router, "/logout", "/")
CODE_PAGE = "/login/code"


@router.get("/login")
async def login(
    request: Request,
    user: OptionalUser,
    pages: Pages,
    cookies: Cookies,
    next: str = "/",  # noqa: A002
    notice: str = "",
) -> Response:
    if user is not None:
        return see_other(local_path(next))
    email = cookies.read_text(request, "email")
    return pages.render(
        request, "login.html", next=local_path(next), notice=FLASH_MESSAGES.get(notice), email=email
    )


@router.post("/login")
async def log_in(request: Request, pages: Pages, sessions: Sessions) -> Response:
    email, password, next_path = await fields(request, "email", "password", "next")
    next_path = local_path(next_path)
    try:
        await sessions.log_in(request, email, password)
    except SecondFactorRequired:
        return see_other(CODE_PAGE, next=next_path)
    except DomainError as error:
        return pages.refuse(request, "login.html", error, next=next_path, notice=None, email=email)
    return see_other(next_path)


@router.get(CODE_PAGE)
async def ask_for_code(
    request: Request,
    _: OptionalUser,
    pages: Pages,
    cookies: Cookies,
    next: str = "/",  # noqa: A002
) -> Response:
    next_path = local_path(next)
    if not cookies.read(request, "challenge"):
        return see_other("/login", next=next_path)
    return pages.render(request, "login_code.html", next=next_path, recovers=False)


@router.post(CODE_PAGE)
async def give_code(
    request: Request, pages: Pages, cookies: Cookies, sessions: Sessions
) -> Response:
    code, recovery_code, next_path = await fields(request, "code", "recovery_code", "next")
    next_path = local_path(next_path)
    try:
        await sessions.finish_login(request, code or recovery_code)
    except Unauthenticated as error:  # the login has ended
        email = cookies.read_text(request, "email")
        return pages.refuse(request, "login.html", error, next=next_path, notice=None, email=email)
    except DomainError as error:
        recovers = bool(recovery_code)
        return pages.refuse(request, "login_code.html", error, next=next_path, recovers=recovers)
    return see_other(next_path)


@router.post("/logout")
async def log_out(request: Request, sessions: Sessions) -> Response:
    await sessions.end(request)
    return see_other("/login", notice="logged_out")
