"""The sentences and links of mails about an account."""

from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.mail.account import render_account_mail
from services.notifier.mail.account.view import LinkMissing
from services.notifier.mail.message import MAX_BYTES, Message
from shared.contracts.auth import AccountMailKind, Language
from shared.contracts.http.auth import AccountMail, AccountMailDetails
from tests.unit.notifier.received import (
    HEADERS,
    NASTY,
    as_received,
    body_of,
    links_of,
    tags_of,
    text_of,
)

KINDS: tuple[AccountMailKind, ...] = get_args(AccountMailKind)
LANGUAGES: tuple[Language, ...] = get_args(Language)
WITH_TOKEN: tuple[AccountMailKind, ...] = (
    "confirm_email",
    "confirm_new_email",
    "reset_password",
    "log_in",
)
TOKEN = "Zk3_v-9a"
HOME = "https://prereview.example"
SUBJECTS: dict[AccountMailKind, tuple[str, str]] = {
    "confirm_email": ("Confirm your e-mail address", "Подтвердите адрес электронной почты"),
    "already_registered": (
        "There is an account with this address already",
        "Учётная запись с этим адресом уже есть",  # noqa: RUF001
    ),
    "reset_password": ("Choose a new password", "Задайте новый пароль"),
    "log_in": ("A link to log in to your account", "Ссылка для входа в учётную запись"),
    "confirm_new_email": (
        "Confirm your new e-mail address",
        "Подтвердите новый адрес электронной почты",
    ),
    "email_changed": ("Your e-mail address was changed", "Адрес вашей учётной записи изменён"),
    "password_changed": ("Your password was changed", "Пароль вашей учётной записи изменён"),
    "new_sign_in": ("New sign-in to your account", "Вход с нового устройства"),  # noqa: RUF001
    "second_factor_enabled": ("Second factor switched on", "Второй фактор включён"),
    "second_factor_disabled": ("Second factor switched off", "Второй фактор отключён"),
    "recovery_code_used": ("A recovery code was used", "Использован резервный код"),
}
LINKS: dict[AccountMailKind, list[str]] = {
    "confirm_email": [f"/confirm/{TOKEN}"],
    "confirm_new_email": [f"/confirm/{TOKEN}"],
    "reset_password": [f"/reset-password/{TOKEN}"],
    "log_in": [f"/log-in/{TOKEN}"],
    "already_registered": ["/login", "/forgotten-password"],
    "email_changed": ["/account"],
    "password_changed": ["/account", "/forgotten-password"],
    "new_sign_in": ["/account"],
    "second_factor_enabled": ["/account/second-factor", "/forgotten-password"],
    "second_factor_disabled": ["/account/second-factor", "/forgotten-password"],
    "recovery_code_used": ["/account/second-factor", "/forgotten-password"],
}


def a_mail(kind: AccountMailKind, language: Language = "en", **values: Any) -> Message:
    envelope: dict[str, Any] = {
        "sender": "Prereview <no-reply@prereview.example>",
        "public_url": HOME + "/",
        "mail_id": UUID(int=3),
        "queued_at": datetime(2026, 11, 22, 14, 3, tzinfo=UTC),
        "now": datetime(2026, 11, 22, 14, 4, tzinfo=UTC),
    }
    given_values = {
        "email": "ann@example.org",
        "language": language,
        "time_zone": "auto",
        "token": TOKEN if kind in WITH_TOKEN else None,
        "expires_at": datetime(2026, 11, 22, 15, 4, tzinfo=UTC) if kind in WITH_TOKEN else None,
    }
    for name in values.keys() & envelope.keys():
        envelope[name] = values.pop(name)
    return render_account_mail(kind, AccountMail(**{**given_values, **values}), **envelope)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_subject_says_what_it_is_about(kind: AccountMailKind, language: Language) -> None:
    mail = as_received(a_mail(kind, language))
    assert mail["Subject"] == SUBJECTS[kind][LANGUAGES.index(language)]
    assert mail.keys() == HEADERS
    assert mail["To"] == "ann@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_mail_has_its_links_and_no_other_and_one_button(
    kind: AccountMailKind, language: Language
) -> None:
    mail = a_mail(kind, language)
    links = [HOME + path for path in LINKS[kind]]
    html = body_of(mail, "html")
    assert links_of(html) == [*links, HOME]
    assert html.count('class="button"') == 1
    addresses = [line for line in text_of(mail).splitlines() if line.startswith("https://")]
    assert addresses == [*links, HOME]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("body", ["plain", "html"])
def test_each_mail_says_why_it_comes_and_what_to_do_if_it_was_not_oneself(
    kind: AccountMailKind, language: Language, body: str
) -> None:
    said = body_of(a_mail(kind, language), body)
    not_you = {
        "en": ("If it was not you", "If you did not register"),
        "ru": ("Если это были не вы", "Если регистрировались не вы"),
    }[language]
    why = {"en": "You get this mail because", "ru": "Вы получили это письмо, потому что"}[language]
    assert any(sentence in said for sentence in not_you)
    assert why in said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", ["plain", "html"])
def test_a_link_that_ends_says_when_in_the_readers_time(kind: AccountMailKind, body: str) -> None:
    utc = body_of(a_mail(kind), body)
    russian = body_of(a_mail(kind, "ru", time_zone="Europe/Moscow"), body)
    ends = kind in WITH_TOKEN
    assert ("The link works once, until 22 Nov 2026, 15:04 UTC." in utc) == ends
    assert ("действует до 22 нояб. 2026, 18:04 UTC+3." in russian) == ends


@pytest.mark.parametrize("body", ["plain", "html"])
def test_a_new_sign_in_says_where_and_when(body: str) -> None:
    details = AccountMailDetails(device="Firefox on Linux", address="203.0.113.7")
    said = body_of(a_mail("new_sign_in", details=details), body)
    for expected in ("Firefox on Linux", "203.0.113.7", "22 Nov 2026, 14:03 UTC"):
        assert expected in said
    at = datetime(2026, 11, 22, 13, 59, tzinfo=UTC)
    told = body_of(a_mail("new_sign_in", details=AccountMailDetails(device="Firefox", at=at)), body)
    assert "13:59 UTC" in told
    assert "14:03" not in told


@pytest.mark.parametrize(
    ("device", "english", "russian"),
    [
        ("Safari on iPhone", "Safari on iPhone", "Safari, iPhone"),
        ("Yandex Browser on macOS", "Yandex Browser on macOS", "Yandex Browser, macOS"),
        ("curl", "curl", "curl"),
    ],
)
@pytest.mark.parametrize("body", ["plain", "html"])
def test_a_device_is_named_as_on_the_pages(
    device: str, english: str, russian: str, body: str
) -> None:
    between = "</span><br>" if body == "html" else ": "
    for language, said in zip(
        LANGUAGES, (f"Device{between}{english}", f"Устройство{between}{russian}"), strict=True
    ):
        mail = a_mail("new_sign_in", language, details=AccountMailDetails(device=device))
        assert said in body_of(mail, body)


@pytest.mark.parametrize(
    ("language", "advice", "untrue"),
    [
        (
            "en",
            "If you have forgotten the password, or did not make this account yourself, choose a",
            "nobody has got into",
        ),
        (
            "ru",
            "Если вы забыли пароль или учётную запись создали не вы, задайте новый пароль",
            "никто не вошёл",
        ),
    ],
)
@pytest.mark.parametrize("body", ["plain", "html"])
def test_an_account_somebody_else_made_with_the_address_is_not_called_safe(
    language: Language, advice: str, untrue: str, body: str
) -> None:
    said = body_of(a_mail("already_registered", language), body)
    assert advice in said
    assert untrue not in said


def test_the_old_address_hears_of_the_new_one() -> None:
    said = text_of(a_mail("email_changed", details=AccountMailDetails(new_email="ann@new.example")))
    assert "New e-mail address: ann@new.example" in said


@pytest.mark.parametrize("kind", WITH_TOKEN)
def test_there_is_no_such_mail_without_its_link(kind: AccountMailKind) -> None:
    with pytest.raises(LinkMissing):
        a_mail(kind, token=None)


@pytest.mark.parametrize("kind", WITH_TOKEN)
def test_a_token_stays_one_part_of_the_path(kind: AccountMailKind) -> None:
    [link, _] = links_of(body_of(a_mail(kind, token="a/../b?c#d%\"'<>é\r\n"), "html"))
    assert link.startswith(HOME + LINKS[kind][0].removesuffix(TOKEN))
    assert link.endswith("/a%2F..%2Fb%3Fc%23d%25%22%27%3C%3E%C3%A9%0D%0A")


def test_another_attempt_is_the_same_mail_with_another_link() -> None:
    first, second = a_mail("reset_password"), a_mail("reset_password", token="another")
    assert first.message_id == second.message_id
    assert first.octets == a_mail("reset_password").octets
    assert a_mail("reset_password", mail_id=UUID(int=9)).message_id != first.message_id


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_a_client_says_of_itself_bends_the_mail(
    nasty: str, kind: AccountMailKind, language: Language
) -> None:
    details = AccountMailDetails(device=nasty, address=nasty, new_email=nasty)
    mail = a_mail(kind, language, details=details)
    assert as_received(mail).keys() == HEADERS
    plain = a_mail(
        kind, language, details=AccountMailDetails(device="x", address="x", new_email="x")
    )
    assert tags_of(body_of(mail, "html")) == tags_of(body_of(plain, "html"))
    assert len(text_of(mail).splitlines()) == len(text_of(plain).splitlines())
    assert len(mail.octets) <= MAX_BYTES


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.text(max_size=300), st.text(min_size=1, max_size=300))
def test_any_text_at_all_makes_a_mail_with_the_intended_headers(
    kind: AccountMailKind, device: str, token: str
) -> None:
    mail = as_received(a_mail(kind, token=token, details=AccountMailDetails(device=device)))
    assert mail.keys() == HEADERS
    assert mail["Subject"] == SUBJECTS[kind][0]


def test_what_holds_a_token_does_not_show_it() -> None:
    values = {"email": "ann@example.org", "language": "en", "time_zone": "auto", "token": TOKEN}
    assert TOKEN not in repr(AccountMail.model_validate(values))
