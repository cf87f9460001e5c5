"""Calls to other services: the request id is passed on, problem responses raise errors."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from shared.context import correlation_id
from shared.errors import DomainError, Invalid, NotFound, OutcomeUnknown, Unavailable, remote_error
from shared.logging import log
from shared.telemetry import traceparent
from shared.web.identity import Identity, User
from shared.web.retries import RETRY, Attempts, Bytes, ReplayableBody, RetryPolicy

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
P = ParamSpec("P")
TIMEOUT = httpx2.Timeout(10.0, connect=2.0)  # seconds; longer than the deadline of a command
_STREAM_TIMEOUT = httpx2.Timeout(None, connect=2.0)
# Servers close idle connections after 15 s; they expire here earlier, so that none is stale.
_LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=50, keepalive_expiry=3.0)


class ServiceUnavailable(Unavailable):
    """Another service can't be reached, or gives no valid response."""

    code = "service_unavailable"


def http_client(transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """A client that ignores proxy settings; `transport` replaces the network in tests."""
    return httpx2.AsyncClient(transport=transport, timeout=TIMEOUT, limits=_LIMITS, trust_env=False)


class ServiceClient:
    """A client of one service's internal API.

    A command raises `Unavailable` only if it had no effect, and `OutcomeUnknown` if that is
    unknown. An error response of the service is raised as a `RemoteError`.
    """

    def __init__(
        self,
        service: str,
        url: str,
        identity: Identity,
        http: httpx2.AsyncClient | None = None,
        retry: RetryPolicy = RETRY,
    ) -> None:
        """`identity` is that of the caller; `http` may be shared by clients."""
        self._service, self._url = service, url.rstrip("/")
        self._identity, self._http, self._retry = identity, http or http_client(), retry

    async def as_user(self, user: User, method: str, path: str, **more: Any) -> httpx2.Response:
        """Call with the user's access token; `more` as in `_call`."""
        return await self._call(user.token, method, path, **more)

    async def as_service(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Call with a service token; `more` as in `_call`."""
        return await self._call(self._identity.sign_service(self._service), method, path, **more)

    async def fetch(self, shape: type[M], method: str, path: str, **more: Any) -> M:
        """Fetch something for a background task, which can retry; `more` as in `_call`.

        Raises:
            NotFound: the service has no such resource.
            ServiceUnavailable: any other failure.
        """
        try:
            return read(shape, await self.as_service(method, path, asks=True, **more))
        except DomainError as error:
            if isinstance(error, NotFound) and error.code == NotFound.code:
                raise
            log.warning("fetch_failed", called=self._service, code=error.code)
            raise ServiceUnavailable from None

    async def open_stream(self, user: User, path: str, headers: dict[str, str]) -> httpx2.Response:
        """A response whose body is streamed without a read timeout."""
        request = self._http.build_request(
            "GET",
            self._url + path,
            headers=headers | call_headers(user.token),
            timeout=_STREAM_TIMEOUT,
        )
        try:
            answer = await self._http.send(request, stream=True)
        except httpx2.HTTPError as error:
            raise self._unavailable(error) from error
        if not answer.is_success:
            await answer.aread()
            raise _refusal(answer)
        return answer

    async def close(self) -> None:
        await self._http.aclose()

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
        """`asks`: a read, whatever its method. `repeats`: idempotent, may be sent again."""
        if body is not None:
            more["json"] = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
        changes = method != "GET" and not asks
        sent = ReplayableBody(content, self._retry.monotonic)
        attempts = Attempts(sent, self._retry, repeats=repeats)
        while True:
            try:
                answer = await self._http.request(
                    method,
                    self._url + path,
                    params={k: v for k, v in (params or {}).items() if v is not None},
                    headers=call_headers(token) | (headers or {}),
                    content=sent.to_send(),
                    **more,
                )
            except httpx2.HTTPError as error:
                broke = _may_have_arrived(error)
                failure = self._failed(error, unsure=changes and broke and sent.is_whole)
                cause: Exception | None = error
            else:
                if answer.is_success:
                    answer.extensions["changes"] = changes
                    return answer
                failure, cause = _refusal(answer, changes=changes), None
                broke = answer.status_code == OutcomeUnknown.status
            more["timeout"] = await attempts.wait_or_raise(failure, broke=broke, cause=cause)

    def _failed(self, error: Exception, *, unsure: bool) -> DomainError:
        unavailable = self._unavailable(error)
        return OutcomeUnknown() if unsure else unavailable

    def _unavailable(self, error: Exception) -> Unavailable:
        log.warning("service_unavailable", called=self._service, reason=type(error).__name__)
        return Unavailable()


def body(model: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Build a request body; raises `Invalid`, like the service, for an invalid value."""
    try:
        return model(*args, **kwargs)
    except ValidationError:
        raise Invalid from None  # the error's text contains user input


def read(shape: type[M], answer: httpx2.Response) -> M:
    """Parse the response of a `ServiceClient`.

    If it violates the contract, raises `OutcomeUnknown` after a command, else `Unavailable`.
    """
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError as error:
        log.error("answer_unreadable", path=answer.request.url.path, errors=error.error_count())
        failure = OutcomeUnknown() if answer.extensions.get("changes") else Unavailable()
        raise failure from None  # the error's text contains personal data


def call_headers(token: str) -> dict[str, str]:
    """The bearer token, the request id and the trace."""
    headers = {"Authorization": f"Bearer {token}"}
    if (request_id := correlation_id.get()) is not None:
        headers["X-Request-ID"] = str(request_id)
    if (parent := traceparent()) is not None:
        headers["traceparent"] = parent
    return headers


def _may_have_arrived(error: Exception) -> bool:
    """Whether the failed request may have reached the service."""
    never = httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout
    return not isinstance(error, never | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError)


def _refusal(answer: httpx2.Response, *, changes: bool = False) -> DomainError:
    """The error in a response; `Unavailable` or `OutcomeUnknown` if it is not a problem."""
    unavailable = OutcomeUnknown() if changes and answer.is_server_error else Unavailable()
    try:
        problem = answer.json()
        code, params = str(problem["code"]), dict(problem.get("params") or {})
    except (ValueError, KeyError, TypeError):
        return unavailable
    # A 404 without `params` comes from an unknown route, not from the service's code.
    if answer.status_code == NotFound.status and "params" not in problem:
        return unavailable
    if answer.status_code == Unavailable.status or not answer.is_server_error:
        wait = answer.headers.get("retry-after", "")
        return remote_error(answer.status_code, code, params, int(wait) if wait.isdigit() else None)
    return unavailable
