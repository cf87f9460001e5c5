"""Mails fit the width of a phone, however long the names in them are."""

import pytest
from playwright.async_api import Page

from services.notifier.mail.message import Message
from shared.contracts.auth import Language
from shared.contracts.checker import Counts
from shared.contracts.http.auth import AccountMailDetails
from tests.support.fonts import FONTS
from tests.unit.notifier.mail import test_account, test_check_result
from tests.unit.notifier.received import body_of

LONG = "a_very_long_name_of_a_module_" * 3
NARROW, WIDE = 390, 800  # pixels


# The longest that stand in one row of four, and long ones, which stand in two of two.
ONE_ROW = Counts(warning=999, total=999, new=999, still=999, reopened=999, fixed=999)
TWO_ROWS = Counts(warning=66666, total=66666, new=22222, still=22222, reopened=22222, fixed=88888)


def result(language: Language, counts: Counts = TWO_ROWS) -> Message:
    finding = test_check_result.a_finding(f"`{LONG}` imported but unused")
    check = test_check_result.a_check(
        finding, counts=counts, file_name=f"{LONG}.py", truncated=True
    )
    return test_check_result.a_mail(
        check, language, public_url=f"https://{'prereview.' * 8}example"
    )


def account(language: Language) -> Message:
    details = AccountMailDetails(new_email=f"{LONG}@example.org", device=f"{LONG} on Linux")
    home = f"https://{'prereview.' * 8}example"
    return test_account.a_mail("email_changed", language, details=details, public_url=home)


@pytest.mark.parametrize("name", FONTS)
@pytest.mark.parametrize("width", [NARROW, WIDE])
async def test_a_mail_fits_the_window(page: Page, width: int, name: str) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    for language in test_account.LANGUAGES:
        for mail in (result(language), result(language, ONE_ROW), account(language)):
            await page.set_content(body_of(mail, "html"))
            await FONTS[name].wear(page)
            scrolled = await page.evaluate("document.documentElement.scrollWidth")
            assert scrolled == width, mail.message_id


@pytest.mark.parametrize(("counts", "cells"), [(ONE_ROW, [4]), (TWO_ROWS, [2, 2])])
async def test_all_four_counts_are_there(page: Page, counts: Counts, cells: list[int]) -> None:
    await page.set_content(body_of(result("ru", counts), "html"))
    rows = await page.locator("table.panel").first.locator("tr").all()
    assert [await row.locator("td").count() for row in rows] == cells


@pytest.mark.parametrize("name", FONTS)
async def test_they_are_drawn_with_the_fonts_of_the_tests(page: Page, name: str) -> None:
    await page.set_content("<p>Замечаний нет. No findings.</p><code>import os</code>")
    font = FONTS[name]
    await font.wear(page)
    assert await font.drawn(page, "p") == {font.plain}
    assert await font.drawn(page, "code") == {font.mono}
