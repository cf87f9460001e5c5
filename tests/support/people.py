"""People who use the public API of the running product."""

import re
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2

from tests.support.product import Product
from tests.support.waiting import eventually

PASSWORD = "correct horse battery"
_LINK = re.compile(r"/(?:confirm|reset-password)/([A-Za-z0-9_-]+)")


@dataclass
class Person:
    """Somebody with an account, whose address is confirmed."""

    product: Product
    email: str
    http: httpx2.AsyncClient
    files: dict[str, str] = field(default_factory=dict)  # name → id

    @classmethod
    async def register(cls, product: Product, email: str) -> Self:
        person = await cls.unconfirmed(product, email)
        await person.confirm()
        return person

    @classmethod
    async def unconfirmed(cls, product: Product, email: str) -> Self:
        http = httpx2.AsyncClient(base_url=f"{product.url}/api/v1", timeout=30)
        person = cls(product, email, http)
        account = {"email": email, "password": PASSWORD, "language": "ru"}
        assert (await http.post("/users", json=account)).status_code == 202
        await person.log_in()
        return person

    async def confirm(self) -> None:
        token = await self.link("confirm_email")
        answer = await self.http.post("/confirmations", json={"token": token})
        assert answer.is_success, answer.text

    async def log_in(self, password: str = PASSWORD) -> None:
        body = {"email": self.email, "password": password}
        answer = await self.http.post("/sessions", json=body)
        assert answer.status_code == 201, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    async def mails(self) -> list[dict[str, Any]]:
        """This person's mails, newest first."""
        async with httpx2.AsyncClient(base_url=self.product.mailbox_url) as http:
            messages = (await http.get("/api/messages")).json()
            mine = [message["id"] for message in messages if self.email in message["to"]]
            return [(await http.get(f"/api/messages/{one}")).json() for one in mine]

    async def link(self, kind: str) -> str:
        """The token in the newest mail of a kind, `confirm_email` or `reset_password`."""
        path = "/reset-password/" if kind == "reset_password" else "/confirm/"

        async def find() -> str | None:
            for mail in await self.mails():
                if path in mail["text"] and (found := _LINK.search(mail["text"])):
                    return found[1]
            return None

        token = await eventually(find, seconds=60)
        assert token is not None
        return token

    async def upload(self, name: str, content: bytes) -> dict[str, Any]:
        answer = await self.http.post("/files", files={"file": (name, content)})
        assert answer.status_code == 201, answer.text
        self.files[name] = answer.json()["id"]
        return dict(answer.json())

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def checks(self, name: str) -> list[dict[str, Any]]:
        return list((await self.get(f"/files/{self.files[name]}/checks"))["checks"])

    async def all_mails_sent(self) -> bool:
        """Whether each file has a check, and each check's mail has been sent."""
        for name in self.files:
            states = [check["mail"]["state"] for check in await self.checks(name)]
            if not states or any(state != "sent" for state in states):
                return False
        return True
