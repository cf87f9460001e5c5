"""The recipient is removed from replies of the mail server."""

import pytest

from services.notifier.smtp.failures import without_recipient


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("450 <ann@example.org>: grey", "450 <…>: grey"),
        ("250 ANN@EXAMPLE.ORG, ann@example.org", "250 …, …"),
        ("550 no ann@xn--80a1acny.xn--p1ai here", "550 no … here"),
        ("550 a long text about ann@exam…", "550 a long text about ……"),
        ("550 nobody", "550 nobody"),
    ],
)
def test_the_address_is_left_out_of_what_the_server_says(said: str, kept: str) -> None:
    assert without_recipient(said, "ann@example.org") == kept


def test_letters_with_a_meaning_in_patterns_are_letters() -> None:
    assert without_recipient("no a.b+c@d.e, no axbbc@d.e", "a.b+c@d.e") == "no …, no axbbc@d.e"
