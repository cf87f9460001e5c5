"""Every screen: without scripts, on a phone, in Russian, in the dark, by keyboard."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, StorageState, expect

from tests.browser.conftest import Tab
from tests.browser.person import Person
from tests.support.fonts import FONTS, Font
from tests.support.product import Product
from tests.support.waiting import eventually

LONG_NAME = "a_rather_long_name_of_a_module_that_does_everything"
FAULTY = f"import os\nlong = '{'x' * 300}'\nprint(undefined)\n"

# Everybody here comes from 127.0.0.1, and others from networks of the longest addresses.
LONGEST_ADDRESSES = """() => {
    for (const address of document.querySelectorAll(".account-rows bdi:not(.row-title)"))
        address.textContent = "2001:0db8:85a3:0000:0000:8a2e:0370:7334";
}"""

PATHS = [
    *("/", "/?mark=deleted", "/?q=nothing", "/checks", "/api/docs", "/nothing"),
    *("/login", "/register", "/forgotten-password", "/confirm/x", "/reset-password/x"),
    "/log-in/x",
    *("/account", "/account/sessions", "/account/second-factor", "/account/tokens"),
    *("/account/security", "/account/data"),
    "/account/erase",
]


@dataclass(frozen=True)
class Visited:
    """A logged-in browser's cookies, and every screen there is to see with them."""

    cookies: StorageState
    paths: list[str]


@pytest_asyncio.fixture(scope="module")
async def visited(chromium: Browser, product: Product) -> AsyncIterator[Visited]:
    context = await chromium.new_context(locale="en-GB")
    page = await context.new_page()
    person = await Person.registered(page, product)
    await person.log_in()
    await person.upload(**{LONG_NAME: FAULTY})
    report = person.row(LONG_NAME).get_by_role("link", name="Report")
    check = await report.get_attribute("href", timeout=30_000)
    file = await person.row(LONG_NAME).get_by_role("link", name="Delete").get_attribute("href")
    assert check
    assert file
    log = file.removesuffix("/delete")
    await page.goto(f"{product.url}{log}/edit")
    await page.get_by_label("Text of version 1").fill(f"{FAULTY}{FAULTY}")
    await page.get_by_role("button", name="Save as a new version").click()
    await expect(page.get_by_role("heading", name=LONG_NAME)).to_be_visible()
    await _use_a_token(page, product)
    of_file = [log, file, f"{log}/change", f"{log}/edit", f"{log}/diff?from=1&to=2"]
    cookies = await context.storage_state()
    # Language and theme shall be those of the browser.
    chosen = {"language", "theme", "zone"}
    cookies["cookies"] = [one for one in cookies["cookies"] if one["name"] not in chosen]
    yield Visited(cookies, [*PATHS, check, *of_file, f"{log}/diff?from=1&to=2&view=split"])
    await context.close()


async def _use_a_token(page: Page, product: Product) -> None:
    """So that its time stands in the list of tokens."""
    await page.goto(f"{product.url}/account/tokens")
    await page.get_by_label("Token name").fill("A robot that fetches reports on Fridays")
    for scope in await page.get_by_role("checkbox").all():
        await scope.check()
    await page.get_by_role("button", name="Make the token").click()
    token = await page.locator("#token").inner_text()
    headers = {"Authorization": f"Bearer {token}"}
    answer = await page.request.get(f"{product.url}/api/v1/files", headers=headers)
    assert answer.ok

    async def is_told() -> bool:
        await page.reload()
        return await page.get_by_text("never", exact=True).count() == 0

    await page.goto(f"{product.url}/account/tokens")
    await eventually(is_told, 30)


BAND = 64  # px: widths are tried from the named one up to here
EXCESS = "document.documentElement.scrollWidth - window.innerWidth"


async def _is_worn(page: Page, font: Font) -> bool:
    return await font.drawn(page, "h1, h2, p") <= {font.plain, font.mono}


@pytest.mark.parametrize(
    ("width", "language"),
    [
        *((360, "ru"), (568, "ru"), (768, "ru"), (976, "ru"), (1056, "ru")),
        *((360, "en"), (568, "en"), (976, "en"), (1280, "en")),
    ],
)
async def test_no_screen_is_wider_than_its_window(
    chromium: Browser, product: Product, visited: Visited, width: int, language: str
) -> None:
    theme: Literal["dark", "light"] = "dark" if width in {360, 976} else "light"
    context = await chromium.new_context(
        viewport={"width": width, "height": 800},
        locale={"en": "en-GB", "ru": "ru-RU"}[language],
        color_scheme=theme,
        storage_state=visited.cookies,
        bypass_csp=True,  # for the test's own style
    )
    page = await context.new_page()
    for path in visited.paths:
        await page.goto(f"{product.url}{path}")
        html = page.locator("html")
        assert await html.get_attribute("lang") == language
        assert await html.get_attribute("data-bs-theme") == theme
        await page.evaluate(LONGEST_ADDRESSES)
        for name, font in FONTS.items():
            await font.wear(page)
            await eventually(partial(_is_worn, page, font))
            for near in range(width, width + BAND, 8):
                await page.set_viewport_size({"width": near, "height": 800})
                excess = await page.evaluate(EXCESS)
                assert excess <= 0, f"{path} at {near} px, {name}: {excess} px"
        await page.set_viewport_size({"width": width, "height": 800})
    await context.close()


async def test_everything_works_without_scripts(chromium: Browser, product: Product) -> None:
    context = await chromium.new_context(java_script_enabled=False, locale="en-GB")
    page = await context.new_page()
    person = await Person.registered(page, product)
    await person.log_in()
    await person.upload(plain="x = 1\n")
    await expect(page.get_by_text("1 file is here and will be checked.")).to_be_visible()
    await person.row("plain.py").get_by_role("link", name="Replace").click()
    await page.get_by_label("New file", exact=True).set_input_files(
        {"name": "plain.py", "mimeType": "text/x-python", "buffer": b"x = 2\n"}
    )
    await page.get_by_role("button", name="Replace").click()
    await expect(person.row("plain.py")).to_contain_text("version 2")
    await person.row("plain.py").get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    await context.close()


async def test_the_skip_link_is_the_first_stop(tab: Tab, product: Product) -> None:
    page = tab.page
    await page.goto(f"{product.url}/api/docs")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()


async def test_an_update_keeps_the_focus(tab: Tab, product: Product) -> None:
    person = await Person.confirmed(tab.page, product)
    await person.upload(focus="x = 1\n")
    link = person.row("focus.py").get_by_role("link", name="focus.py", exact=True)
    await link.focus()
    await expect(person.row("focus.py")).to_contain_text("Sent")
    await expect(link).to_be_focused()


async def test_the_language_is_switched_where_one_is(tab: Tab, product: Product) -> None:
    page: Page = tab.page
    await page.goto(f"{product.url}/login?next=/checks")
    await page.get_by_role("button", name="Русский").click()
    await expect(page.get_by_role("heading", name="Вход")).to_be_visible()
    assert page.url == f"{product.url}/login?next=/checks"
