"""Routes that find out who calls before they read what was sent.

The framework reads and parses a body before it asks the first dependency; a stranger could make
us work for nothing.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared.web.bodies import read_json

T = TypeVar("T")


class EarlyDependency(Generic[T]):
    """A dependency that needs the head of a request alone: asked once, before the body is read."""

    def __init__(self, ask: Callable[[Request], Awaitable[T]]) -> None:
        """Take what finds out, or raises."""
        self.ask = ask

    async def __call__(self, request: Request) -> T:
        found: dict[EarlyDependency[T], T] = request.scope.setdefault("early_dependencies", {})
        if self not in found:
            found[self] = await self.ask(request)
        return found[self]


class Route(APIRoute):
    """Calls its early dependencies first, and reads JSON once and strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle, early = super().get_route_handler(), list(early_dependencies(self.dependant))

        async def handler(request: Request) -> Response:
            for dependency in early:
                await dependency(request)
            return await handle(_StrictRequest(request.scope, request.receive))

        return handler


class Router(APIRouter):
    """The router of every service; its own early dependencies are called first, too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=Route, **options)


def early_dependencies(dependant: Dependant) -> Iterator[EarlyDependency[Any]]:
    """Those among a route's dependencies, and among theirs."""
    for needed in dependant.dependencies:
        if isinstance(needed.call, EarlyDependency):
            yield needed.call
        yield from early_dependencies(needed)


class _StrictRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = read_json(await self.body())
        return self._json
