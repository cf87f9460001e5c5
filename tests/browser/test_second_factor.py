"""A second factor, as somebody sets it up with an app and logs in with it."""

import time
from urllib.parse import parse_qs, urlsplit

import pyotp
from playwright.async_api import Page, expect

from tests.browser.conftest import Tab
from tests.browser.person import PASSWORD, Person
from tests.support.product import Product

STEP = 30  # seconds
USED: dict[str, int] = {}  # by the secret: the step of the newest code


def fresh_code(app: pyotp.TOTP) -> str:
    """A code of the app that was not typed before: of this half minute, else of the next."""
    now = int(time.time()) // STEP
    step = max(now, USED.get(app.secret, 0) + 1)
    USED[app.secret] = step
    return app.at(step * STEP)


async def set_up(page: Page, product: Product) -> tuple[pyotp.TOTP, list[str]]:
    await page.goto(f"{product.url}/account")
    await page.get_by_role("link", name="Second factor").click()
    await page.get_by_label("Current password").fill(PASSWORD)
    await page.get_by_role("button", name="Set it up").click()
    await expect(page.get_by_role("img", name="QR code for the app")).to_be_visible()
    link = await page.get_by_role("link", name="Open the app").get_attribute("href")
    app = pyotp.TOTP(parse_qs(urlsplit(str(link)).query)["secret"][0])
    await page.get_by_label("Code from the app").fill("not a code")
    await page.get_by_role("button", name="Switch it on").click()
    await expect(page.get_by_role("alert")).to_contain_text("This code is wrong")
    await page.get_by_label("Code from the app").fill(fresh_code(app))
    await page.get_by_role("button", name="Switch it on").click()
    await expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    return app, (await page.locator("#codes").inner_text()).split()


async def log_out(page: Page, product: Product) -> None:
    await page.goto(product.url)
    await page.get_by_role("button", name="Log out").click()


async def test_a_code_is_asked_for_beside_the_password(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.confirmed(page, product)
    app, recovery = await set_up(page, product)
    assert len(recovery) == 10
    await log_out(page, product)

    await page.goto(f"{product.url}/account/security")
    await person.fill_in()
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_label("Code from the app").fill(fresh_code(app))
    await page.get_by_role("button", name="Log in", exact=True).click()
    await expect(page.get_by_role("heading", name="Security log")).to_be_visible()
    await expect(
        page.get_by_role("row").filter(has_text="Second factor switched on")
    ).to_be_visible()
    await log_out(page, product)

    await page.goto(f"{product.url}/login")
    await person.fill_in()
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_text("Without the app").click()
    await page.get_by_label("Recovery code").fill(recovery[0].upper())
    await page.get_by_role("button", name="Log in with a recovery code").click()
    await expect(page.get_by_role("heading", name="Your files")).to_be_visible()
    await page.goto(f"{product.url}/account/second-factor")
    await expect(page.get_by_text("9 codes are left.")).to_be_visible()

    await page.get_by_text("Switch off the second factor").click()
    await page.get_by_label("Current password").last.fill(PASSWORD)
    await page.locator("#removal-code").fill(recovery[1])
    await page.get_by_role("button", name="Switch it off").click()
    await expect(page.get_by_role("status")).to_contain_text("the password alone logs in")
    complaints = [one for one in tab.complaints if "422" not in one]  # the wrong code
    assert complaints == []
