"""Middleware that gives each command a deadline."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import deadline
from shared.errors import Unavailable
from shared.web.problems import refusal

COMMANDS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class CommandDeadline:
    """Cancels a command at its deadline, with 503; its transaction is rolled back.

    The time in which the request body is received does not count.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in COMMANDS:
            await self._app(scope, receive, send)
            return
        try:
            async with deadline.command(deadline.SECONDS) as until:
                await self._app(scope, _pausing_receive(receive, until), _pausing_send(send, until))
        except Unavailable as error:
            await refusal(Request(scope), error)(scope, receive, send)


def _pausing_receive(receive: Receive, until: deadline.Deadline) -> Receive:
    expecting = True

    async def receive_paused() -> Message:
        nonlocal expecting
        if not expecting:
            return await receive()
        until.stop_cancelling()
        message = await receive()
        expecting = message.get("more_body", False)
        until.restart(deadline.SECONDS)
        return message

    return receive_paused


def _pausing_send(send: Send, until: deadline.Deadline) -> Send:
    async def send_paused(message: Message) -> None:
        until.stop_cancelling()
        await send(message)

    return send_paused
