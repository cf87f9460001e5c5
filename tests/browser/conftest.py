"""A real browser, which notes whatever its console complains about."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page


@dataclass
class Tab:
    """A page in a browser context of its own, and the complaints of its console."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def note(self, message: ConsoleMessage) -> None:
        """Keep errors: failed scripts, refused styles, forbidden requests."""
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@pytest_asyncio.fixture
async def tab(chromium: Browser) -> AsyncIterator[Tab]:
    context = await chromium.new_context(locale="en-GB", timezone_id="Europe/Berlin")
    tab = Tab(await context.new_page())
    tab.page.on("console", tab.note)
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.page.set_default_timeout(30_000)
    yield tab
    await context.close()
