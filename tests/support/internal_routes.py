"""The internal routes of the services, against which the fakes of tests are checked."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any

import httpx2
from fastapi import APIRouter
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import TypeAdapter
from starlette.routing import compile_path

from services.auth.api import ROUTERS as AUTH
from services.checker import api as checker
from services.files.api import ROUTERS as FILES
from services.reports.api import ROUTERS as REPORTS
from shared.web import event_log

SERVICES: dict[str, Sequence[APIRouter]] = {
    "auth": AUTH,
    "checker": [checker.router],
    "files": FILES,
    "reports": REPORTS,
    "notifier": [event_log.router("notifier")],
}


@cache
def _routes(service: str) -> list[tuple[re.Pattern[str], RouteContext]]:
    routes = chain.from_iterable(router.routes for router in SERVICES[service])
    return [(compile_path(str(one.path))[0], one) for one in iter_route_contexts([*routes])]


def route_of(service: str, method: str, path: str) -> tuple[str, APIRoute]:
    """The path and the first route that answers; raises `AssertionError` where none does."""
    for pattern, route in _routes(service):
        if method in (route.methods or ()) and pattern.match(path):
            assert isinstance(route.route, APIRoute)
            return str(route.path), route.route
    raise AssertionError(f"{service} has no {method} {path}")


def violations(request: httpx2.Request, answer: httpx2.Response) -> Iterator[str]:
    """Where a call to a service, or a fake's answer to it, is not what its route says."""
    path, route = route_of(request.url.host, request.method, request.url.path)
    name = f"{request.url.host} {request.method} {path}"
    body = route.body_field
    if body is not None and request.headers.get("content-type") == "application/json":
        yield from _errors(f"{name} takes", body.field_info.annotation, request.content)
    if answer.is_success and route.response_model is not None:
        yield from _errors(f"{name} answers", route.response_model, answer.content)


def _errors(what: str, shape: Any, content: bytes) -> Iterator[str]:
    """Also a field that the shape does not have is wrong: a fake that has it proves nothing."""
    try:
        TypeAdapter(shape).validate_json(content, extra="forbid")
    except ValueError as error:
        yield f"{what} {content[:500]!r}: {error}"
