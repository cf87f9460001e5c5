"""Intercepts problem responses, so that middleware can replace them."""

import json
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Message, Send

from shared.web.problems import MEDIA_TYPE


class ProblemInterceptor:
    """Holds back a problem response in `start` and `problem`; sends every other response on."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._body = bytearray()
        self.start: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_problem(message):
            self.start = message
        elif self.start is None:
            await self._send(message)
        else:
            self._body.extend(message.get("body", b""))

    @property
    def problem(self) -> dict[str, Any]:
        problem: dict[str, Any] = json.loads(bytes(self._body))
        return problem


def _is_problem(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith(MEDIA_TYPE)
