"""Calls to other services: our request id goes along, their refusals come back as errors.

A call that changes something raises `Unavailable` only where nothing was done, and
`OutcomeUnknown` where that can't be told.
"""

from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from services.gateway.clients.retries import Attempts, Bytes, Kept
from shared.errors import DomainError, Invalid, NotFound, OutcomeUnknown, Unavailable, remote_error
from shared.logging import log
from shared.web.client import call_headers, is_raised, was_sent
from shared.web.identity import Identity, User

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
P = ParamSpec("P")
TIMEOUT = httpx2.Timeout(10.0, connect=2.0)  # seconds; longer than the deadline of a command
QUICK = httpx2.Timeout(1.0)
# Servers close idle connections after 15 s; ours are given up before, so that none is stale.
LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=50, keepalive_expiry=3.0)


class Service:
    """One service and the ways to speak to it."""

    def __init__(self, name: str, url: str, client: httpx2.AsyncClient, identity: Identity) -> None:
        self._name, self._url = name, url.rstrip("/")
        self._client, self._identity = client, identity

    async def as_user(self, user: User, method: str, path: str, **more: Any) -> httpx2.Response:
        """Call on behalf of a person, with the person's own token."""
        return await self._call(user.token, method, path, **more)

    async def as_service(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Call with a token of our own."""
        return await self._call(self._identity.sign_service(self._name), method, path, **more)

    async def open_stream(self, user: User, path: str, headers: dict[str, str]) -> httpx2.Response:
        """An answer whose body is still to be read, for as long as it may take."""
        timeout = httpx2.Timeout(None, connect=2.0)
        request = self._client.build_request(
            "GET",
            self._url + path,
            headers=headers | call_headers(user.token),
            timeout=timeout,
        )
        try:
            answer = await self._client.send(request, stream=True)
        except httpx2.HTTPError as error:
            raise self._away(error) from error
        if not answer.is_success:
            await answer.aread()
            raise _refusal(answer)
        return answer

    async def _call(
        self,
        token: str,
        method: str,
        path: str,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        content: Bytes | None = None,
        body: BaseModel | None = None,
        *,
        asks: bool = False,
        repeats: bool = False,
        **more: Any,
    ) -> httpx2.Response:
        """`asks`: changes nothing, whatever its method. `repeats`: may be sent several times."""
        asked = {name: value for name, value in (params or {}).items() if value is not None}
        changes = method != "GET" and not asks
        if body is not None:
            more["json"] = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
        sent = Kept(content)
        attempts = Attempts(sent, repeats=repeats)
        while True:
            try:
                answer = await self._client.request(
                    method,
                    self._url + path,
                    params=asked,
                    headers=call_headers(token) | (headers or {}),
                    content=sent.to_send(),
                    **more,
                )
            except httpx2.HTTPError as error:
                broke = was_sent(error)
                failure = self._failed(error, unsure=changes and broke and sent.is_whole)
                cause: Exception | None = error
            else:
                if answer.is_success:
                    return answer
                failure, cause = _refusal(answer, changes=changes), None
                broke = answer.status_code == OutcomeUnknown.status
            more["timeout"] = await attempts.note(failure, broke=broke, cause=cause)

    def _failed(self, error: Exception, *, unsure: bool) -> DomainError:
        away = self._away(error)
        return OutcomeUnknown() if unsure else away

    def _away(self, error: Exception) -> Unavailable:
        log.warning("service_away", called=self._name, reason=type(error).__name__)
        return Unavailable()


def body(model: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Build a request's body; raises `Invalid`, as the service would, for a value not allowed."""
    try:
        return model(*args, **kwargs)
    except ValidationError:
        raise Invalid from None  # its text would repeat what the person typed


def read(shape: type[M], answer: httpx2.Response) -> M:
    """The answer's content; raises `Unavailable` where it is not what the contract says."""
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError as error:
        log.error("answer_unreadable", path=answer.request.url.path, errors=error.error_count())
        raise Unavailable from None


async def if_possible(asked: Awaitable[T]) -> T | None:
    """None where the answer can't be had, for pages that stand without it."""
    try:
        return await asked
    except DomainError:
        return None


def _refusal(answer: httpx2.Response, *, changes: bool = False) -> DomainError:
    away = OutcomeUnknown() if changes and answer.is_server_error else Unavailable()
    try:
        told = answer.json()
        code, params = str(told["code"]), dict(told.get("params") or {})
    except (ValueError, KeyError, TypeError):
        return away
    if answer.status_code == NotFound.status and not is_raised(told):
        return away
    if answer.status_code == Unavailable.status or not answer.is_server_error:
        wait = answer.headers.get("retry-after", "")
        return remote_error(answer.status_code, code, params, int(wait) if wait.isdigit() else None)
    return away
