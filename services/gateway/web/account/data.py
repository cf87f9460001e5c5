"""Data export, and erasure of the account."""

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from services.gateway.dependencies import Auth, Cookies, Files, Reports, Sessions
from services.gateway.downloads.account_export import Exports, as_download
from services.gateway.http.concurrency import WebSteps
from services.gateway.identity.sessions import WebUser
from services.gateway.web.forms import fields, see_other
from services.gateway.web.rendering import Pages
from shared.errors import DomainError, Unauthenticated
from shared.web.routes import Router

router = Router(prefix="/account", include_in_schema=False)


@router.get("/data")
async def data(request: Request, _: WebUser, pages: Pages) -> Response:
    return pages.render(request, "account_data.html")


@router.get("/data/export.zip")
async def export(
    request: Request,
    user: WebUser,
    auth: Auth,
    files: Files,
    reports: Reports,
    sessions: Sessions,
    steps: WebSteps,
) -> StreamingResponse:
    account = await auth.export(user)
    bearer = sessions.renewing_user(request)
    return await as_download(Exports(auth, files, reports), account, bearer, steps)


@router.get("/erase")
async def warn(request: Request, _: WebUser, pages: Pages) -> Response:
    return pages.render(request, "account_erase.html")


@router.post("/erase")
async def erase(
    request: Request, user: WebUser, pages: Pages, auth: Auth, sessions: Sessions, cookies: Cookies
) -> Response:
    (password,) = await fields(request, "password")
    try:
        await auth.erase(user, password)
    except Unauthenticated:
        raise
    except DomainError as error:
        return pages.refuse(request, "account_erase.html", error)
    sessions.mark_ended(user)
    cookies.clear_all(request)
    return see_other("/login", notice="erased")
