"""The mailbox in a window as narrow as a phone, and in a wide one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Page

from deploy.local.mail_store import MailStore
from deploy.local.mailbox import create_app
from deploy.local.ports import LOOPBACK, free_ports

USUAL, LONG = "konstantin.konstantinopolsky@example.org", f"{'a' * 60}@example.org"
MAIL = f"Subject: [Not ready] {'a_very_long_name_' * 5}.py v1\r\nFrom: <{LONG}>\r\n\r\ntext\r\n"
LINES = """name => {
    const words = document.createRange();
    const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) if (walk.currentNode.data.includes(name)) break;
    words.setStart(walk.currentNode, walk.currentNode.data.indexOf(name));
    words.setEnd(walk.currentNode, words.startOffset + name.length);
    return words.getClientRects().length;
}"""


@pytest_asyncio.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A mailbox with two mails."""
    store = MailStore(tmp_path)
    for recipients in ([USUAL, LONG, USUAL], [USUAL]):
        store.keep("prereview@localhost", recipients, MAIL.encode())
    smtp_port, port = free_ports(2)
    app = create_app(tmp_path, smtp_port)
    server = uvicorn.Server(uvicorn.Config(app, host=LOOPBACK, port=port, ws="none"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://localhost:{port}"
    server.should_exit = True
    await running


@pytest.mark.parametrize("width", [390, 800, 1000])
async def test_nothing_overflows_and_a_usual_address_stays_in_one_line(
    url: str, page: Page, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await page.goto(url)
    link = await page.locator("td a").first.get_attribute("href")
    for path in ("/", link, "/nothing"):
        await page.goto(f"{url}{path}")
        assert await page.evaluate("document.documentElement.scrollWidth") == width, path
        if path != "/nothing":
            assert await page.evaluate(LINES, USUAL) == 1, path
