"""Translates problem responses by `Accept-Language`."""

import json
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.http.problem_interceptor import ProblemInterceptor
from services.gateway.i18n.error_messages import sentence
from services.gateway.i18n.language import choose
from shared.contracts.auth import Language
from shared.error_messages import SENTENCES


class LocalizedProblems:
    """Replaces the English `detail` of problems by a sentence in the client's language."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        language = choose("", Headers(scope=scope).get("accept-language", ""))
        interceptor = ProblemInterceptor(send)
        await self._app(scope, receive, interceptor.send)
        if interceptor.start is not None:
            body = _localized(language, interceptor.problem)
            await send(_changed(interceptor.start, language, body))
            await send({"type": "http.response.body", "body": body})


def _localized(language: Language, problem: dict[str, Any]) -> bytes:
    code = problem["code"]
    if code in SENTENCES:
        text = sentence(language, code, problem.get("params") or {})
        fields = ", ".join(sorted({error["field"] for error in problem.get("errors", [])}))
        problem["detail"] = f"{text} ({fields})" if fields else text
    return json.dumps(problem, ensure_ascii=False).encode()


def _changed(start: Message, language: Language, body: bytes) -> Message:
    headers = MutableHeaders(raw=list(start["headers"]))
    headers["content-length"] = str(len(body))
    headers["content-language"] = language
    headers.add_vary_header("Accept-Language")
    return {**start, "headers": headers.raw}
