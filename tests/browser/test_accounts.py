"""An account's life, as somebody lives it with a browser."""

from playwright.async_api import Browser, expect

from tests.browser.conftest import Tab
from tests.browser.person import Person
from tests.support.product import Product

NEW_PASSWORD = "another horse, another battery"


async def test_results_wait_for_the_address_to_be_confirmed(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.registered(page, product)
    await person.log_in()
    banner = page.get_by_role("complementary", name="Your address is not confirmed")
    await expect(banner).to_be_visible()
    await person.upload(early="x = 1\n")
    await expect(person.row("early.py")).to_contain_text("Held until your address is confirmed")

    await page.goto(await person.mailed_link("confirm"))
    await page.get_by_role("button", name="This is my address").click()

    await page.goto(product.url)
    await expect(person.row("early.py")).to_contain_text("Sent")
    await expect(banner).to_have_count(0)
    assert tab.complaints == []


async def test_a_forgotten_password_is_replaced(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.registered(page, product)
    await page.goto(f"{product.url}/login")
    await page.get_by_role("link", name="Forgotten").click()
    await page.get_by_label("E-mail address").fill(person.email)
    await page.get_by_role("button", name="Mail me a link").click()
    await expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_visible()

    link = await person.mailed_link("reset-password")
    await page.goto(link)
    await page.get_by_label("New password").fill("password1")
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("New password").fill(NEW_PASSWORD)
    await page.get_by_role("button", name="Set the password").click()

    await person.fill_in(NEW_PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", name="Your files")).to_be_visible()
    await page.goto(link)
    await expect(page.get_by_role("link", name="Ask for a new link")).to_be_visible()


async def test_the_owner_of_an_address_keeps_out_who_registered_it(
    tab: Tab, chromium: Browser, product: Product
) -> None:
    """A stranger registers my address and stays logged in; I follow the link in the mail."""
    stranger = await Person.registered(tab.page, product)
    await stranger.log_in()
    link = await stranger.mailed_link("confirm")

    elsewhere = await chromium.new_context(locale="en-GB")
    mine = await elsewhere.new_page()
    await mine.goto(link)
    await expect(mine.get_by_label("Password of the account")).to_be_visible()
    await mine.get_by_role("link", name="Set a new one").click()
    owner = Person(mine, product, stranger.email)
    await mine.get_by_label("New password").fill(NEW_PASSWORD)
    await mine.get_by_role("button", name="Set the password").click()
    await owner.fill_in(NEW_PASSWORD)
    await mine.get_by_role("button", name="Log in").click()
    await expect(mine.get_by_role("heading", name="Your files")).to_be_visible()
    await expect(mine.get_by_role("complementary")).to_have_count(0)  # it is confirmed
    await elsewhere.close()

    await tab.page.context.clear_cookies(name="access")
    await tab.page.goto(product.url)
    await expect(tab.page.get_by_role("heading", name="Login")).to_be_visible()


async def test_after_registering_the_link_logs_in_by_itself(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.registered(page, product)
    await expect(page.get_by_label("E-mail address")).to_have_value(person.email)
    await page.goto(await person.mailed_link("confirm"))
    await page.get_by_role("button", name="This is my address").click()
    await expect(page.get_by_role("heading", name="Your files")).to_be_visible()
    assert tab.complaints == []


async def test_a_token_is_shown_once_and_revoked(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.registered(page, product)
    await person.log_in()
    await page.goto(f"{product.url}/account/tokens")
    await page.get_by_label("Token name").fill("robot")
    await page.get_by_label("files:read").check()
    await page.get_by_role("button", name="Make the token").click()
    await expect(page.locator("#token")).to_contain_text("prv_")
    await page.goto(f"{product.url}/account/tokens")
    await expect(page.locator("#token")).to_have_count(0)
    await page.get_by_role("button", name="Revoke robot").click()
    await expect(page.get_by_role("button", name="Revoke robot")).to_have_count(0)
    assert tab.complaints == []


async def test_language_and_theme_follow_the_account(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.registered(page, product)
    await person.log_in()
    await page.goto(f"{product.url}/account")
    await page.get_by_label("Colours").select_option("dark")
    await page.locator("select#language").select_option("ru")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator("html")).to_have_attribute("lang", "ru")
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert tab.complaints == []


async def test_an_erased_account_is_gone(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.registered(page, product)
    await person.log_in()
    await page.goto(f"{product.url}/account/data")
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Download everything").click()
    assert (await started.value).suggested_filename.endswith(".zip")
    await page.get_by_role("link", name="Erase the account").click()
    await page.get_by_label("Current password").fill("not this one")
    await page.get_by_role("button", name="Erase the account for good").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Current password").fill("correct horse battery")
    await page.get_by_role("button", name="Erase the account for good").click()
    await page.goto(f"{product.url}/login")
    await person.fill_in()
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_contain_text("wrong")


async def test_a_browser_sends_an_address_as_it_was_typed(tab: Tab, product: Product) -> None:
    """Chromium's own fields for addresses turn ß to ss, which is another domain."""
    page, typed = tab.page, "dora@faß.example"
    for path in ("register", "login", "forgotten-password"):
        await page.goto(f"{product.url}/{path}")
        await page.get_by_label("E-mail address").fill(typed)
        sent = await page.evaluate("new FormData(document.querySelector('main form')).get('email')")
        assert sent == typed, path
