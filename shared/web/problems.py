"""Error responses as `application/problem+json` (RFC 9457) with `code` and request id."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from shared.error_messages import SENTENCES
from shared.errors import DomainError
from shared.logging import log

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20  # a body can have thousands of errors
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str = "",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    body = {
        "type": f"urn:prereview:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
        **more,
    }
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    app.exception_handler(DomainError)(_domain_error)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(RequestValidationError)(_validation_error)


def request_id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))


def route_of(scope: Scope) -> str:
    """The pattern of the path; the path itself can contain the token of a link."""
    return str(getattr(scope.get("route"), "path", "none"))


def refusal(request: Request, error: DomainError) -> JSONResponse:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("unavailable", code=error.code, route=route_of(request.scope))
    return problem(
        error.status,
        error.code,
        str(error),
        request_id=request_id(request),
        headers=headers,
        params=error.params,
    )


async def _domain_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DomainError)  # noqa: S101 - narrows the type for mypy
    return refusal(request, error)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    if isinstance(error.__cause__, RequestValidationError):  # wrapped by FastAPI
        return await _validation_error(request, error.__cause__)
    if isinstance(error.__cause__, ValueError | RecursionError):
        return _invalid(request, [{"in": "body", "field": "body", "code": "unreadable"}])
    phrase = HTTPStatus(error.status_code).phrase
    code = _CODES.get(error.status_code, phrase.lower().replace(" ", "_"))
    headers = dict(error.headers) if error.headers else {}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return problem(
        error.status_code, code, f"{phrase}.", request_id=request_id(request), headers=headers
    )


def _allowed(request: Request) -> list[str]:
    """The methods of all routes with this path; Starlette lists those of the first only."""
    return [
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    """List the invalid fields without their values, which can be secrets or very long."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return _invalid(
        request,
        [
            {"in": str(e["loc"][0]), "field": _field(e["loc"], e["type"]), "code": e["type"]}
            for e in error.errors()[:MAX_ERRORS]
        ],
    )


def _invalid(request: Request, errors: list[dict[str, str]]) -> JSONResponse:
    fields = sorted({error["field"] for error in errors})
    return problem(
        422,
        "invalid",
        f"Not valid: {', '.join(fields)}.",
        request_id=request_id(request),
        errors=errors,
    )


def unexpected(request_id: str) -> JSONResponse:
    return problem(
        500,
        "internal",
        SENTENCES["internal"],
        request_id=request_id,
    )


def _field(location: tuple[int | str, ...], kind: str) -> str:
    """The path of a field; an unprintable or very long key is not repeated."""
    if kind == "json_invalid":  # its location is an offset
        return "body"
    shown = [str(part) for part in location[1:] if not str(part).startswith("literal[")]
    text = ".".join(shown)[:80] or "body"
    return text if text.isascii() and text.isprintable() else "body"
