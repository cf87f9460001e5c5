"""However long a name is that somebody typed, a mail is as wide as a phone."""

from email.message import EmailMessage

import pytest
from playwright.async_api import Page

from services.notifier.domain.reader import Details
from shared.contracts.auth import Language
from shared.contracts.checker import Counts
from tests.unit.notifier import test_account_mail, test_mail
from tests.unit.notifier.received import body_of

LONG = "a_very_long_name_of_a_module_" * 3
NARROW, WIDE = 390, 800  # pixels


def result(language: Language) -> EmailMessage:
    counts = Counts(warning=12345, total=12345, new=11111, reopened=1111, fixed=1234)
    finding = test_mail.a_finding(f"`{LONG}` imported but unused")
    check = test_mail.a_check(finding, counts=counts, file_name=f"{LONG}.py", truncated=True)
    return test_mail.a_mail(check, language, public_url=f"https://{'prereview.' * 8}example")


def account(language: Language) -> EmailMessage:
    details = Details(new_email=f"{LONG}@example.org", device=f"{LONG} on Linux")
    home = f"https://{'prereview.' * 8}example"
    return test_account_mail.a_mail("email_changed", language, details=details, public_url=home)


@pytest.mark.parametrize("width", [NARROW, WIDE])
async def test_a_mail_fits_the_window(page: Page, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    for language in test_account_mail.LANGUAGES:
        for mail in (result(language), account(language)):
            await page.set_content(body_of(mail, "html"))
            scrolled = await page.evaluate("document.documentElement.scrollWidth")
            assert scrolled == width, mail["Subject"]
