"""A mail server that keeps every mail, with a page that shows them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from deploy.local import mailbox_pages
from deploy.local.mail_store import MailStore
from deploy.local.ports import LOOPBACK

MAX_BYTES = 10 * 1024 * 1024


class Keeper:
    """What aiosmtpd calls: any sender, any recipient, no authentication."""

    def __init__(self, store: MailStore) -> None:
        self._store = store

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        sender, recipients = envelope.mail_from or "", envelope.rcpt_tos
        # In one thread, one after another: ids follow the order of arrival.
        kept = self._store.keep(sender, recipients, content)
        return f"250 2.0.0 Ok: kept as {kept}"


def create_app(folder: Path, smtp_port: int) -> FastAPI:
    """The page; while it lives, SMTP is spoken on `smtp_port` of the loopback interface."""
    store = MailStore(folder)

    def conversation() -> SMTP:
        return SMTP(
            Keeper(store), hostname="localhost", data_size_limit=MAX_BYTES, enable_SMTPUTF8=True
        )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        async with await loop.create_server(conversation, LOOPBACK, smtp_port):
            yield

    app = FastAPI(title="Mailbox", lifespan=lifespan, openapi_url=None)
    # Else a foreign site could give its name our address and read the mails.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost", LOOPBACK])
    app.state.store = store
    app.include_router(mailbox_pages.router)
    app.exception_handler(HTTPException)(mailbox_pages.tell_error)
    return app


def serve(folder: Path, smtp_port: int, port: int) -> None:
    """Run until SIGTERM."""
    app = create_app(folder, smtp_port)
    uvicorn.run(app, host=LOOPBACK, port=port, access_log=False, proxy_headers=False, ws="none")
