"""Pages that stay true while they are open."""

from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Tab
from tests.browser.person import Person
from tests.support.product import Product


async def _break(page: Page, times: int) -> list[str]:
    """Let the page's next fetches of itself fail, in several ways."""
    failed: list[str] = []

    async def fail(route: Route) -> None:
        if route.request.resource_type != "fetch" or len(failed) >= times:
            return await route.fallback()
        failed.append(route.request.url)
        if len(failed) % 2:
            return await route.abort()
        return await route.fulfill(status=503, body="away")

    await page.route("**/", fail)
    return failed


async def test_a_page_that_could_not_be_fetched_is_fetched_again(
    tab: Tab, product: Product
) -> None:
    person = await Person.confirmed(tab.page, product)
    failed = await _break(tab.page, 3)
    await person.upload(again="x = 1\n")
    await person.mark_page()
    await expect(person.row("again.py")).to_contain_text("Ready")
    assert len(failed) == 3
    assert await person.page_was_not_reloaded()


async def test_a_notice_ends_with_what_it_tells(tab: Tab, product: Product) -> None:
    person = await Person.confirmed(tab.page, product)
    told = tab.page.get_by_text("1 file is here and will be checked.")
    await person.upload(soon="x = 1\n")
    await expect(told).to_be_visible()
    await expect(person.row("soon.py")).to_contain_text("Ready")
    await expect(told).to_have_count(0)
    await tab.page.goto(f"{product.url}/account")
    await tab.page.get_by_role("button", name="Save").click()
    await expect(tab.page.get_by_text("Saved.")).to_be_visible()
    await expect(tab.page).to_have_url(f"{product.url}/account")
    await tab.page.get_by_role("link", name="Sessions").click()
    await tab.page.go_back()
    await expect(tab.page.get_by_text("Saved.")).to_have_count(0)
    assert tab.complaints == []


async def test_a_refused_form_has_an_address_to_come_back_to(tab: Tab, product: Product) -> None:
    person = await Person.confirmed(tab.page, product)
    page = tab.page
    await page.goto(f"{product.url}/account")
    await page.get_by_text("Change the password").first.click()
    await page.get_by_label("Current password").last.fill("not my password")
    await page.get_by_label("New password").fill("a longer one, of some words")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_role("alert")).to_contain_text("The current password is wrong.")
    await page.get_by_role("button", name="Русский").click()
    await expect(page.get_by_role("heading", name="Учётная запись")).to_be_visible()
    await page.goto(f"{product.url}/account/password")
    await expect(page.get_by_role("heading", name="Учётная запись")).to_be_visible()
    await page.get_by_role("button", name="English").click()
    assert person.email in await page.locator("main").inner_text()
