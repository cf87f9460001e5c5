"""What a person does in a browser."""

import re
from dataclasses import dataclass
from uuid import uuid4

import httpx2
from playwright.async_api import FilePayload, Locator, Page, expect

from tests.support.product import Product
from tests.support.waiting import eventually

PASSWORD = "correct horse battery"
expect.set_options(timeout=30_000)


@dataclass
class Person:
    """Somebody at a page of the product."""

    page: Page
    product: Product
    email: str

    @classmethod
    async def confirmed(cls, page: Page, product: Product) -> "Person":
        """Registered, and logged in by following the link in the mail."""
        person = await cls.registered(page, product)
        await page.goto(await person.mailed_link("confirm"))
        await page.get_by_role("button", name="This is my address").click()
        await expect(page.get_by_role("status").first).to_contain_text("Your address is confirmed")
        await page.wait_for_load_state()  # scripts are at work then
        return person

    @classmethod
    async def registered(cls, page: Page, product: Product) -> "Person":
        person = cls(page, product, f"{uuid4().hex}@example.org")
        await page.goto(f"{product.url}/register")
        await person.fill_in()
        await page.get_by_role("button", name="Create the account").click()
        await expect(page.get_by_role("status")).to_contain_text("You can log in already.")
        return person

    async def log_in(self) -> None:
        await self.fill_in()
        await self.page.get_by_role("button", name="Log in").click()
        await expect(self.page.get_by_role("heading", name="Your files")).to_be_visible()
        await self.page.wait_for_load_state()  # scripts are at work then

    async def fill_in(self, password: str = PASSWORD) -> None:
        await self.page.get_by_label("E-mail address").fill(self.email)
        await self.page.get_by_label("Password").fill(password)

    async def upload(self, **files: str) -> None:
        await self.page.get_by_label("Add Python files").set_input_files(
            [payload(f"{name}.py", content) for name, content in files.items()]
        )
        await self.page.get_by_role("button", name="Upload").click()

    async def mailed_link(self, part: str) -> str:
        """The newest address of `part`, such as `checks`, in the mails to this person."""
        link = re.compile(rf"{re.escape(self.product.url)}/{part}/[\w-]+")

        async def find() -> str | None:
            found = (link.search(text) for text in await self._mails())
            return next((one.group() for one in found if one), None)

        address = await eventually(find, 30)
        assert address is not None
        return address

    async def _mails(self) -> list[str]:
        """Texts of the mails to this person, newest first."""
        async with httpx2.AsyncClient(base_url=self.product.mailbox_url) as http:
            mails = (await http.get("/api/messages")).json()
            mine = [mail["id"] for mail in mails if self.email in mail["to"]]
            return [(await http.get(f"/api/messages/{one}")).json()["text"] for one in mine]

    def row(self, name: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=name)

    async def mark_page(self) -> None:
        """Leave something in the page that a reload would lose."""
        await self.page.evaluate("window.notReloaded = true")

    async def page_was_not_reloaded(self) -> bool:
        return bool(await self.page.evaluate("window.notReloaded === true"))


def payload(name: str, content: str) -> FilePayload:
    return {"name": name, "mimeType": "text/x-python", "buffer": content.encode()}
