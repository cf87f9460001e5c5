"""Calls from one service to another, under the caller's own name."""

from typing import Any

import httpx2

from shared.context import correlation_id
from shared.errors import NotFound, Unavailable
from shared.telemetry import traceparent
from shared.web.identity import Identity

TIMEOUT = httpx2.Timeout(10.0, connect=2.0)  # seconds


class ServiceAway(Unavailable):
    code = "service_unavailable"


def call_headers(token: str) -> dict[str, str]:
    """What every call carries: who calls, for which request, in which trace."""
    headers = {"Authorization": f"Bearer {token}"}
    if (request_id := correlation_id.get()) is not None:
        headers["X-Request-ID"] = str(request_id)
    if (parent := traceparent()) is not None:
        headers["traceparent"] = parent
    return headers


def was_sent(error: Exception) -> bool:
    """Whether a request that failed may have reached its service."""
    never = httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout
    return not isinstance(error, never | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError)


class ServiceClient:
    """A client of one service's internal API."""

    def __init__(self, callee: str, base_url: str, identity: Identity) -> None:
        """Take the service to call, where it listens, and who calls."""
        self._callee, self._identity = callee, identity
        self._http = httpx2.AsyncClient(
            base_url=base_url,
            timeout=TIMEOUT,
            trust_env=False,  # a proxy for the outside is none between services
        )

    async def call(self, method: str, path: str, json: Any = None) -> Any:
        """The answer's JSON.

        Raises:
            NotFound: the service says that there is no such thing.
            ServiceAway: it can't be reached, or answered with another error or no JSON. What was
                asked for may have been done all the same: only what can be repeated is asked so.
        """
        headers = call_headers(self._identity.sign_service(self._callee))
        try:
            answer = await self._http.request(method, path, json=json, headers=headers)
        except httpx2.HTTPError as error:
            raise ServiceAway from error
        if answer.status_code == NotFound.status and is_raised(_json(answer), NotFound.code):
            raise NotFound
        if not answer.is_success:
            raise ServiceAway
        return _json(answer)

    async def close(self) -> None:
        await self._http.aclose()


def is_raised(problem: Any, *codes: str) -> bool:
    """Whether a 404 is an error that was raised, which has `params`, and no unserved path.

    At a wrong address everything is a 404, also where another service of ours listens.
    """
    if not isinstance(problem, dict) or "params" not in problem:
        return False
    return not codes or problem.get("code") in codes


def _json(answer: httpx2.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise ServiceAway from error
