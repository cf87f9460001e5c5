"""From registration to a deleted file, as somebody does it with a browser."""

from playwright.async_api import expect

from tests.browser.conftest import Tab
from tests.browser.person import Person, payload
from tests.support.product import Product

FAULTY = "import os\n\n\ndef total(rows):\n    return sum(row.amount for row in rows) + undefined\n"
MENDED = "def total(rows):\n    return sum(row.amount for row in rows)\n"


async def test_upload_report_replace_delete(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.confirmed(page, product)
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()

    await person.upload(totals=FAULTY)
    await expect(page.get_by_text("1 file is here and will be checked.")).to_be_visible()
    row = person.row("totals.py")
    await expect(row).to_contain_text("new")
    await person.mark_page()
    await expect(row).to_contain_text("Not ready")
    await expect(row).to_contain_text("blocker")
    await expect(row).to_contain_text("Sent")
    assert await person.page_was_not_reloaded()

    await row.get_by_role("link", name="Report").click()
    await expect(page.get_by_role("heading", name="Not ready")).to_be_visible()
    finding = page.locator("article", has_text="undefined")
    await expect(finding.locator(".hit .line-number")).to_have_text("5")
    await expect(finding.locator("mark")).to_have_text("undefined")
    await expect(page.locator("#ledger")).to_contain_text("250")
    permalink = page.url

    await page.get_by_role("link", name="Upload a new version").click()
    await page.get_by_label("New file", exact=True).set_input_files(
        payload("other name.py", MENDED)
    )
    await page.get_by_role("button", name="Replace").click()
    await expect(page.get_by_text("The new version is here")).to_be_visible()
    await expect(row).to_contain_text("replaced")
    await person.mark_page()
    await expect(row).to_contain_text("Ready")
    assert await person.page_was_not_reloaded()

    await page.goto(permalink)
    await expect(page.get_by_text("There is a newer report, of version 2.")).to_be_visible()
    await expect(page.get_by_role("link", name="Upload a new version")).to_have_count(0)
    await page.get_by_role("link", name="Open the report").click()
    await expect(page.get_by_text("Fixed since the last check")).to_be_visible()

    await page.get_by_role("link", name="Files").first.click()
    async with page.expect_download() as started:
        await row.get_by_role("link", name="Download").click()
    download = await started.value
    assert download.suggested_filename == "totals.py"
    assert (await download.path()).read_text() == MENDED

    await row.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("The file is deleted.")).to_be_visible()
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    await page.get_by_role("link", name="Check log").click()
    await expect(person.row("totals.py")).to_have_count(2)

    await page.get_by_role("button", name="Log out").click()
    await page.goto(permalink)
    await person.fill_in()
    await page.get_by_role("button", name="Log in").click()
    await expect(page).to_have_url(permalink)
    assert tab.complaints == []


async def test_the_mail_leads_to_the_report(tab: Tab, product: Product) -> None:
    person = await Person.confirmed(tab.page, product)
    await person.upload(letter=FAULTY)
    await tab.page.goto(await person.mailed_link("checks"))
    await expect(tab.page.get_by_role("heading", name="letter.py")).to_be_visible()
    assert tab.complaints == []


async def test_refused_files_are_named_and_the_others_taken(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.confirmed(page, product)
    await person.upload(main=MENDED)
    await expect(person.row("main.py")).to_be_visible()
    await page.get_by_label("Add Python files").set_input_files(
        [payload("main.py", FAULTY), payload("notes.txt", "hello"), payload("good.py", MENDED)]
    )
    await page.get_by_label("Replace mine of the same name").uncheck()
    await expect(page.get_by_text("not a .py file")).to_be_visible()
    await page.get_by_role("button", name="Upload").click()
    told = page.get_by_role("alert")
    await expect(told.get_by_role("listitem")).to_have_count(3)
    await expect(told).to_contain_text("notes.txt Only Python files can be uploaded")
    await expect(told).to_contain_text("good.py Uploaded.")
    await expect(person.row("good.py")).to_be_visible()
    await told.get_by_role("link", name="Replace that file").click()
    await expect(page.get_by_role("heading", name="Replace main.py")).to_be_visible()


async def test_a_choice_is_warned_of_before_it_is_sent(tab: Tab, product: Product) -> None:
    page = tab.page
    person = await Person.confirmed(page, product)
    many = page.get_by_text("At most 20 files can be uploaded at once.")
    files = [payload(f"module{number}.py", MENDED) for number in range(21)]
    await page.get_by_label("Add Python files").set_input_files(files)
    await expect(many).to_be_visible()
    await page.get_by_label("Add Python files").set_input_files(files[:20])
    await expect(many).to_have_count(0)
    await page.get_by_role("button", name="Upload").click()
    await person.row("module7.py").get_by_role("link", name="Replace").click()
    foreign = page.get_by_text("not a .py file")
    await page.get_by_label("New file", exact=True).set_input_files(payload("notes.txt", MENDED))
    await expect(page.get_by_text("notes.txt")).to_be_visible()
    await expect(foreign).to_have_count(0)  # it becomes module7.py
    await page.get_by_label("Take the name of the new file").check()
    await expect(foreign).to_be_visible()
    assert tab.complaints == []


async def test_files_can_be_dropped(tab: Tab, product: Product) -> None:
    person = await Person.confirmed(tab.page, product)
    await tab.page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["x = 1\\n"], "dropped.py"));
            const form = document.querySelector("form.upload");
            form.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        }"""
    )
    await tab.page.get_by_role("button", name="Upload").click()
    await expect(person.row("dropped.py")).to_be_visible()
    assert tab.complaints == []
