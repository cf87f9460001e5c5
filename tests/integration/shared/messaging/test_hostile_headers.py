"""Whatever stands in a header, no internal API answers with a fault of its own."""

import inspect
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from shared.web.routes import EarlyDependency, early_dependencies
from tests.integration.shared.test_readiness import SERVICES, make
from tests.support.apps import as_service, as_user, without_loops
from tests.support.databases import PrivateDatabase
from tests.support.hostile import COUNT, Target, ask, spoilt
from tests.support.keys import Keys

ONE = UUID("5b62aebd-9760-476f-94c3-ae3a02036fb4")


@pytest.mark.parametrize("service", SERVICES)
async def test_no_header_leads_to_a_fault(
    keys: Keys, postgres: PrivateDatabase, service: str
) -> None:
    app = make(service, keys, database_url=postgres.url(service))
    faults, served = [], 0
    async with without_loops(app):
        for target, headers in spoilt(_targets(app, service, keys), COUNT // len(SERVICES)):
            status, body = await ask(app, target, headers)
            served += status not in {401, 403}
            if status >= 500:
                faults.append((status, target, headers, body))
    assert not faults[:3], len(faults)
    assert served > COUNT / len(SERVICES) / 2, "most are let in"


def _targets(app: FastAPI, service: str, keys: Keys) -> list[Target]:
    """Every route, once for each who may call it."""
    found = []
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute) or context.path == "/readyz":
            continue  # the broker is away, and that page says so
        path = str(context.path_format).format_map(dict.fromkeys(context.param_convertors, ONE))
        for method in sorted(context.methods or ()):
            token = _token([*early_dependencies(context.dependant)], service, keys)
            headers = (("host", service), ("content-type", "application/json"), *token.items())
            query = "name=a.py&version=1&from=1&to=1"
            found.append(Target(method, path, headers, b'{"email": "a@b.example"}', query))
    return found


def _token(early: list[EarlyDependency[Any]], service: str, keys: Keys) -> dict[str, str]:
    for dependency in early:
        if "allowed_services." in dependency.ask.__qualname__:
            allowed = inspect.getclosurevars(dependency.ask).nonlocals["allowed"]
            return {"authorization": as_service(keys, allowed[0], service)["Authorization"]}
    return {"authorization": as_user(keys, ONE, ONE)["Authorization"]} if early else {}
