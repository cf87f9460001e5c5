"""Routes that authenticate a request before they read its body.

FastAPI reads and parses the body before it calls the first dependency, which would let
unauthenticated clients cause work.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared.web.bodies import read_json

T = TypeVar("T")


class EarlyDependency(Generic[T]):
    """A dependency that needs only the headers: called once, before the body is read."""

    def __init__(self, ask: Callable[[Request], Awaitable[T]]) -> None:
        """`ask` returns the dependency's value, or raises."""
        self.ask = ask

    async def __call__(self, request: Request) -> T:
        found: dict[EarlyDependency[T], T] = request.scope.setdefault("early_dependencies", {})
        if self not in found:
            found[self] = await self.ask(request)
        return found[self]


class Route(APIRoute):
    """Calls its early dependencies first, and parses JSON strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle, early = super().get_route_handler(), list(early_dependencies(self.dependant))

        async def handler(request: Request) -> Response:
            for dependency in early:
                await dependency(request)
            return await handle(_StrictRequest(request.scope, request.receive))

        return handler


class Router(APIRouter):
    """The router of every service; its routes are `Route`s."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=Route, **options)


def early_dependencies(dependant: Dependant) -> Iterator[EarlyDependency[Any]]:
    """The early dependencies of a route, including nested ones."""
    for needed in dependant.dependencies:
        if isinstance(needed.call, EarlyDependency):
            yield needed.call
        yield from early_dependencies(needed)


class _StrictRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = read_json(await self.body())
        return self._json
