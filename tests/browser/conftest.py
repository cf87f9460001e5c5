"""A real browser, which notes whatever its console complains about."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from deploy.local.packages import find_chromium


@dataclass
class Tab:
    """A page in a browser context of its own, and the complaints of its console."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def note(self, message: ConsoleMessage) -> None:
        """Keep errors: failed scripts, refused styles, forbidden requests."""
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = find_chromium()
    assert path is not None, "`make test` installs it"
    # Chromium refuses root without `--no-sandbox`; containers have a small /dev/shm.
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def tab(chromium: Browser) -> AsyncIterator[Tab]:
    context = await chromium.new_context(locale="en-GB", timezone_id="Europe/Berlin")
    tab = Tab(await context.new_page())
    tab.page.on("console", tab.note)
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.page.set_default_timeout(30_000)
    yield tab
    await context.close()
