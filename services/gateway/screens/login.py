"""Login and logout."""

from fastapi import Request, Response

from services.gateway.addresses import local_path
from services.gateway.provision import Cookies, Pages, Sessions
from services.gateway.screens.forms import NOTICES, fields, go, lead_back
from services.gateway.sessions import Visitor
from shared.errors import DomainError
from shared.web.routes import Router

router = Router(include_in_schema=False)
lead_back(router, "/logout", "/")


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
    except DomainError as error:
        return pages.refuse(request, "login.html", error, next=wanted, notice=None, email=email)
    return go(wanted)


@router.post("/logout")
async def log_out(request: Request, sessions: Sessions) -> Response:
    await sessions.end(request)
    return go("/login", notice="logged_out")
