"""Registration. Its answer is the same whether or not the address has an account."""

from fastapi import APIRouter, Request, Response

from services.gateway.provision import Auth, Callers, Pages
from services.gateway.screens.forms import fields, go
from services.gateway.sessions import Visitor
from shared.errors import DomainError

router = APIRouter(include_in_schema=False)


@router.get("/register")
async def registration(request: Request, visitor: Visitor, pages: Pages) -> Response:
    if visitor is not None:
        return go("/")
    return pages.render(request, "registration.html", email="")


@router.post("/register")
async def register(request: Request, pages: Pages, auth: Auth, callers: Callers) -> Response:
    email, password = await fields(request, "email", "password")
    try:
        await auth.register(email, password, pages.language(request), callers.browser(request))
    except DomainError as error:
        return pages.refuse(request, "registration.html", error, email=email)
    return go("/login", notice="registered")
