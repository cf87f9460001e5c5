"""Files in depth: editing, conflicts, history, the way back."""

from playwright.async_api import expect

from tests.browser.conftest import Tab
from tests.browser.person import Person
from tests.support.product import Product


async def test_two_tabs_edit_and_nothing_is_lost(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.registered(page, product)
    await person.log_in()
    await person.upload(shared="x = 1\n")
    await person.row("shared.py").get_by_role("link", name="shared.py", exact=True).click()
    edit = f"{page.url}/edit"
    await page.goto(edit)
    await page.get_by_label("Text of version 1").fill("x = 2  # mine\n")

    other = await page.context.new_page()
    await other.goto(edit)
    await other.get_by_label("Text of version 1").fill("x = 3  # theirs\n")
    await other.get_by_role("button", name="Save as a new version").click()
    await expect(other.get_by_role("heading", name="shared.py")).to_be_visible()

    await expect(page.locator("#newer")).to_contain_text("2")  # told while one is writing
    await page.get_by_role("button", name="Save as a new version").click()
    await expect(page.get_by_role("alert")).to_contain_text("Version 2 was saved first")
    await expect(page.get_by_text("# theirs")).to_be_visible()
    await expect(page.get_by_label("Your text")).to_have_value("x = 2  # mine\n")
    await page.get_by_role("button", name="Save mine as version 3").click()
    await expect(page.get_by_role("row").filter(has_text="version 3")).to_be_visible()


async def test_versions_are_compared_and_a_deleted_file_comes_back(
    tab: Tab, product: Product
) -> None:
    page = tab.page
    person = await Person.registered(page, product)
    await person.log_in()
    await person.upload(story="one = 1\nsame = 0\n")
    await person.row("story.py").get_by_role("link", name="story.py", exact=True).click()
    address = page.url
    await page.goto(f"{address}/edit")
    await page.get_by_label("Text of version 1").fill("two = 2\nsame = 0\n")
    await page.get_by_role("button", name="Save as a new version").click()
    await page.get_by_label("Compare version 1").check()
    await page.get_by_label("Compare version 2").check()
    await page.get_by_role("button", name="Compare the two chosen versions").click()
    await expect(page.get_by_text("one = 1")).to_be_visible()
    await expect(page.get_by_text("two = 2")).to_be_visible()

    await page.goto(f"{address}/delete")
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("link", name="Deleted files").click()
    await person.row("story.py").get_by_role("button", name="Restore").click()
    await page.goto(product.url)
    await expect(person.row("story.py")).to_contain_text("version 2")
    assert tab.complaints == []


async def test_files_are_searched_and_sorted(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.registered(page, product)
    await person.log_in()
    await person.upload(alpha="x = 1\n", beta="y = 1\n", gamma="z = 1\n")
    await page.get_by_label("Part of the name").fill("ALPH")
    await page.get_by_role("button", name="Show").click()
    await expect(person.row("alpha.py")).to_be_visible()
    await expect(person.row("beta.py")).to_have_count(0)
    await page.get_by_label("Part of the name").fill("")
    await page.get_by_label("Order").select_option("-name")
    await page.get_by_role("button", name="Show").click()
    names = await page.locator("table.files .file-title .name").all_inner_texts()
    assert names == ["gamma.py", "beta.py", "alpha.py"]
    assert tab.complaints == []


async def test_what_is_told_once_is_not_in_the_address(tab: Tab, product: Product) -> None:
    person = await Person.confirmed(tab.page, product)
    for told in ("1 file is here", "1 file is the same as before"):
        await person.upload(same="x = 1\n")
        await expect(tab.page.get_by_text(told)).to_be_visible()
        await expect(tab.page).to_have_url(f"{product.url}/")
