"""`PREREVIEW_SMTP_URL`: its forms; errors never repeat its password."""

import pytest

from services.notifier.smtp.url import BadSmtpUrl, SmtpServer


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail", SmtpServer("mail", 25)),
        ("smtp://127.0.0.1:1025/", SmtpServer("127.0.0.1", 1025)),
        ("smtp://[::1]:2525?starttls=0", SmtpServer("::1", 2525)),
        ("smtp://mail?starttls=1", SmtpServer("mail", 587, "starttls")),
        ("smtps://mail", SmtpServer("mail", 465, "tls")),
        ("smtps://a%40b.c:p%40ss%2F@mail:4650", SmtpServer("mail", 4650, "tls", "a@b.c", "p@ss/")),
    ],
)
def test_a_server_is_read(url: str, server: SmtpServer) -> None:
    assert SmtpServer.from_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        *("", "mail:25", "http://mail", "smtp://", "smtp://mail:x", "smtp://mail:70000"),
        *("smtp://mail/inbox", "smtp://mail?starttls=yes", "smtp://mail?tls=1"),
        *("smtps://mail?starttls=1", "smtp://u:hid/den@mail", "smtp://u:hid#den@mail"),
        *("smtp://u:hid?den@mail", "smtp://u:hid]den@mail", "smtp://:hidden@mail"),
        *("smtp://straße.example", "smtps://u:hidden@почта.рф", "smtp://ma\u00adil"),
    ],
)
def test_anything_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadSmtpUrl) as caught:
        SmtpServer.from_url(url)
    assert "hid" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_password_is_not_shown() -> None:
    assert "hidden" not in repr(SmtpServer.from_url("smtp://user:hidden@mail"))
