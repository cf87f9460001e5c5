"""The application factory of every service."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from shared import logging, telemetry
from shared.db import Database
from shared.runtime import Loop, running
from shared.settings import Settings
from shared.web import health, middleware, problems
from shared.web.bodies import MAX_BODY
from shared.web.deadlines import CommandDeadline
from shared.web.identity import Identity
from shared.web.metrics import Measure, Metrics

T = TypeVar("T")


def create_app(
    name: str,
    settings: Settings,
    routers: Sequence[APIRouter],
    *,
    provide: Sequence[object] = (),
    loops: Sequence[Loop] = (),
    checks: Mapping[str, health.Check] | None = None,
    figures: Mapping[tuple[str, str], Measure] | None = None,
    resources: Sequence[Any] = (),
    guards: Sequence[Middleware] = (),
    headers: Mapping[str, str] = middleware.SECURITY_HEADERS,
    **fastapi: Any,
) -> FastAPI:
    """Create a service's application.

    `provide` are the dependencies that `provided` injects by type; `loops` run while the
    application runs; `figures` are measured for `/metrics`; `resources` have an async `close()`,
    called at shutdown in reverse order; `guards` are middleware that runs before the body is read.
    """
    _observe(name, settings)
    options: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    app = FastAPI(
        title=f"Prereview {name}",
        lifespan=_lifespan(loops, resources),
        redirect_slashes=False,
        telemetry={"auto_configure": False},
        **(options | fastapi),
    )
    metrics = Metrics(figures)
    identity = Identity.of(name, settings)
    app.state.identity = identity
    app.state.stopping = asyncio.Event()
    app.state.provided = {type(thing): thing for thing in (settings, identity, *provide)}
    problems.install(app)
    app.include_router(health.router(checks or {}, metrics))
    for router in routers:
        app.include_router(router)
    _surround(app, name, metrics, headers, guards)
    return app


def _observe(name: str, settings: Settings) -> None:
    logging.configure(name, settings.log_level, settings.log_format)
    if settings.otlp_endpoint:
        telemetry.configure(name, settings.otlp_endpoint)


def _lifespan(
    loops: Sequence[Loop], resources: Sequence[Any]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for resource in resources:
                stack.push_async_callback(resource.close)
            await stack.enter_async_context(running(loops, app.state.stopping))
            yield

    return lifespan


def _surround(
    app: FastAPI,
    name: str,
    metrics: Metrics,
    headers: Mapping[str, str],
    guards: Sequence[Middleware],
) -> None:
    """Add the middleware, the outermost first."""
    app.user_middleware += [
        Middleware(middleware.RequestContext, metrics=metrics, trust_id=name != "gateway"),
        Middleware(middleware.DefaultHeaders, headers=headers),
        Middleware(middleware.CatchAll),
        Middleware(middleware.RequestSizeLimits),
        *guards,
        # Not FastAPI's own `max_body_size`: its refusal would bypass the middleware above.
        Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY),
    ]
    if name != "gateway":  # which only calls other services
        app.user_middleware.append(Middleware(CommandDeadline))


def provided(kind: type[T]) -> Any:
    """A dependency on the application's object of this type."""

    async def get(request: Request) -> T:
        found: T = request.app.state.provided[kind]
        return found

    return Depends(get)


async def _transaction(request: Request) -> AsyncIterator[AsyncConnection]:
    database: Database = request.app.state.provided[Database]
    async with database.transaction() as connection:
        yield connection


async def _read_connection(request: Request) -> AsyncIterator[AsyncConnection]:
    database: Database = request.app.state.provided[Database]
    async with database.autocommit() as connection:
        yield connection


# The scope `function` commits before the response is sent.
Transaction = Annotated[AsyncConnection, Depends(_transaction, scope="function")]
ReadConnection = Annotated[AsyncConnection, Depends(_read_connection, scope="function")]
