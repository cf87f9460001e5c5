"""What is an e-mail address, and what is a password."""

import pytest

from services.auth.credentials import (
    EmailInvalid,
    PasswordTooLong,
    PasswordTooShort,
    PasswordUnreadable,
    check_email,
    check_password,
)
from shared.errors import Invalid


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("ann@example.org", "ann@example.org"),
        ("Ann@Example.ORG", "ann@example.org"),
        ("ANN+REVIEW@example.org", "ann+review@example.org"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
        ("ann@почта.рф", "ann@почта.рф"),
        ("ann@xn--80a1acny.xn--p1ai", "ann@почта.рф"),
    ],
)
def test_an_address_has_one_spelling(raw: str, kept: str) -> None:
    assert check_email(raw) == kept


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "ann",
        "a@b",
        "a@b..c",
        ".a@b.c",
        "a.@b.c",
        "a..b@example.org",
        "a@",
        "@example.org",
        "a@@example.org",
        "x" * 65 + "@example.org",
        "a@" + "x" * 250 + ".org",
        "a\0b@example.org",
        "a\x07@example.org",
        "a\r\nBcc: x@example.org",
        "a@example.org\r\nBcc: x@example.org",
        "a@example.org\n",
        "a\u2028@example.org",
        "a\ud800@example.org",
        "a@example\ud800.org",
        "a@example.org,b@example.org",
        "a@example.org;b@example.org",
        "a@example.org b@example.org",
        "<a@b.org> x@y.org",
        "Ann <ann@example.org>",
        '"a b"@example.org',
        '"a"@example.org',
        "a@[127.0.0.1]",
        "a@[IPv6:::1]",
        "a@127.0.0.1",
        "аня@example.org",
        "a@-example.org",
        "a" * 900 + "@example.org",
    ],
)
def test_what_is_no_address_is_refused(raw: str) -> None:
    with pytest.raises(EmailInvalid):
        check_email(raw)


@pytest.mark.parametrize(
    "password", ["8 signs!", "x" * 200, "ж" * 100, "😀" * 8, "  spaces  ", "x" * 1024, "\t\n tabs!"]
)
def test_a_password_is_taken_as_it_is(password: str) -> None:
    assert check_password(password) == password


@pytest.mark.parametrize(
    ("password", "error"),
    [
        ("", PasswordTooShort),
        ("x" * 7, PasswordTooShort),
        ("x" * 1025, PasswordTooLong),
        ("x" * 1_000_000, PasswordTooLong),
        ("pass\0word", PasswordUnreadable),
        ("password\ud800", PasswordUnreadable),
        ("\udfffpassword", PasswordUnreadable),
    ],
)
def test_what_is_no_password_is_refused_in_words(password: str, error: type[Invalid]) -> None:
    with pytest.raises(error) as caught:
        check_password(password)
    assert "{" not in str(caught.value)
