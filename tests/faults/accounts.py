"""Accounts: registering with the link of the mail, logging in, and leaving for good."""

import asyncio
import re
import time
from dataclasses import dataclass

from tests.faults.asking import Asker, told
from tests.faults.ledger import Request
from tests.faults.mail_server import MailServer
from tests.faults.patience import tries

PASSWORD = "correct horse battery"
_LINK = re.compile(r"/confirm/([A-Za-z0-9_-]+)")
PROOF_PAUSE = 3.0  # seconds; passwords are not proven more often than 60 times in 15 minutes
MAIL_SECONDS = 240.0  # a mail that failed twice is tried again after a minute, then after five


@dataclass
class Account:
    """Somebody's. Every try to register has an address of its own: see `Request`.

    Whatever is not done in time raises `AssertionError`: see `tries`.
    """

    asker: Asker
    who: str
    email: str = ""
    user_id: str = ""
    erased_at: float = 0.0

    async def register(self, mail_server: MailServer) -> bool:
        """Register, open the link of the mail, log in; False when no mail came."""
        first = self.who
        async for number in tries(f"{self.who}'s registration"):
            if number > 1:  # the account of a try without an answer may be there, too
                self.who = f"{first}t{number}"
            self.email = f"{self.who}@example.org"
            request = Request(self.who, "register", name=self.email)
            body = {"email": self.email, "password": PASSWORD, "language": "en"}
            await self.asker.ask(request, "POST", "/api/v1/users", json=body)
            if request.outcome == "done":
                break
        token = await self._link(mail_server)
        if not token:
            return False
        await self.log_in()
        await self._confirm(token)
        await self._learn_id()
        return True

    async def log_in(self) -> None:
        """A session of the API, as soon as there can be one."""
        body = {"email": self.email, "password": PASSWORD}
        async for _ in tries(f"{self.who}'s login"):
            request = Request(self.who, "confirm", name="login")
            answer = await self.asker.ask(request, "POST", "/api/v1/sessions", json=body)
            if request.outcome == "done":
                bearer = f"Bearer {told(answer)['access_token']}"
                self.asker.http.headers["Authorization"] = bearer
                return

    async def erase(self) -> None:
        """Leave. A 401 after a try whose outcome is unknown says that it has worked."""
        async for _ in tries(f"{self.who}'s erasure", PROOF_PAUSE):
            request = Request(self.who, "erase", name=self.email)
            body = {"password": PASSWORD}
            await self.asker.ask(request, "DELETE", "/api/v1/me", json=body)
            if request.outcome == "done" or request.status == 401:
                self.erased_at = time.time()
                return

    async def _link(self, mail_server: MailServer) -> str:
        end = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < end:
            for mail in mail_server.mails():
                if mail.to == self.email and (found := _LINK.search(mail.text)):
                    return found[1]
            if self.email in mail_server.refused:
                return ""
            await asyncio.sleep(0.2)
        return ""

    async def _confirm(self, token: str) -> None:
        async for _ in tries(f"{self.who}'s confirmation"):
            request = Request(self.who, "confirm", name=self.email)
            body = {"token": token}
            await self.asker.ask(request, "POST", "/api/v1/confirmations", json=body)
            if request.outcome in ("done", "refused"):
                return

    async def _learn_id(self) -> None:
        async for _ in tries(f"{self.who}'s look at the account"):
            self.user_id = str(told(await self.asker.look("/api/v1/me")).get("user_id", ""))
            if self.user_id:
                return
