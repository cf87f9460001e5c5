"""Settings for a bad mail server, or an unencrypted password, stop the notifier at its start."""

import subprocess
import sys
from typing import Any

import pytest

from services.notifier.main import create_app
from services.notifier.settings import Settings
from shared.errors import MISCONFIGURED, Misconfigured
from tests.support.apps import common_settings
from tests.support.keys import Keys

LOGIN = "user:hush@"


def _settings(keys: Keys, **values: Any) -> Settings:
    given = {"database_url": "postgresql://nobody@127.0.0.1:1/", "smtp_url": "smtp://127.0.0.1:1"}
    return Settings(**common_settings("notifier", keys), **{**given, **values})


@pytest.mark.parametrize(
    "url",
    [
        f"smtp://{LOGIN}mail.example.org",
        f"smtp://{LOGIN}mail.example.org:587?starttls=0",
        f"SMTP://{LOGIN}10.0.0.7:25",
        f"smtp://{LOGIN}128.0.0.1",
        f"smtp://{LOGIN}0.0.0.0",
        f"smtp://{LOGIN}[::2]",
        f"smtp://{LOGIN}[::ffff:192.0.2.1]",
        f"smtp://{LOGIN}localhost.example.org",
        f"smtp://{LOGIN}127.0.0.1.example.org",
        f"smtp://{LOGIN}mylocalhost",
        "smtp://user@mail.example.org",
        "smtp://%75ser:hush@mail.example.org",
    ],
)
def test_a_login_that_all_can_read_is_refused_at_the_start(keys: Keys, url: str) -> None:
    with pytest.raises(Misconfigured, match="PREREVIEW_SMTP_PLAINTEXT_LOGIN=true") as caught:
        create_app(_settings(keys, smtp_url=url))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example.org",
        f"smtp://{LOGIN}mail.example.org?starttls=1",
        f"smtps://{LOGIN}mail.example.org",
        f"smtp://{LOGIN}localhost:1025",
        f"smtp://{LOGIN}LocalHost",
        f"smtp://{LOGIN}127.0.0.1",
        f"smtp://{LOGIN}127.8.9.1:25",
        f"smtp://{LOGIN}[::1]:25",
        f"smtp://{LOGIN}[0:0:0:0:0:0:0:1]",
    ],
)
def test_one_that_stays_secret_or_on_this_machine_is_not(keys: Keys, url: str) -> None:
    assert create_app(_settings(keys, smtp_url=url))


def test_a_setting_allows_it(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREREVIEW_SMTP_PLAINTEXT_LOGIN", "true")
    assert create_app(_settings(keys, smtp_url=f"smtp://{LOGIN}mail.example.org"))


@pytest.mark.parametrize(
    "url",
    [
        "smtp://straße.example",
        "smtps://user:hush@почта.рф:465",
        "smtp://mail.faß.example?starttls=1",
        "smtp://ma\u200cil.example",
        "smtp://mäil.example",
    ],
)
def test_a_mail_server_is_named_in_ascii(keys: Keys, url: str) -> None:
    with pytest.raises(Misconfigured, match=r"PREREVIEW_SMTP_URL: .*xn--") as caught:
        create_app(_settings(keys, smtp_url=url))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "sender",
    [
        "prereview@straße.example",
        "Prereview <prereview@почта.рф>",
        "Предпросмотр <prereview@faß.example>",
    ],
)
def test_a_sender_is_at_a_domain_in_ascii(keys: Keys, sender: str) -> None:
    with pytest.raises(Misconfigured, match=r"PREREVIEW_MAIL_FROM: .*xn--"):
        create_app(_settings(keys, mail_from=sender))


@pytest.mark.parametrize("sender", ["", "Prereview", "предпросмотр@example.org", "a@b, c@d"])
def test_a_sender_is_one_address(keys: Keys, sender: str) -> None:
    with pytest.raises(Misconfigured, match="PREREVIEW_MAIL_FROM: "):
        create_app(_settings(keys, mail_from=sender))


def test_a_sender_may_have_a_name_in_any_letters(keys: Keys) -> None:
    assert create_app(_settings(keys, mail_from="Предпросмотр <a@xn--80a1acny.xn--p1ai>"))


def test_the_program_says_so_in_one_line(keys: Keys) -> None:
    environment = {
        "PREREVIEW_SIGNING_KEY": keys.private["notifier"],
        "PREREVIEW_JWKS_FILE": str(keys.jwks_file),
        "PREREVIEW_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/",
        "PREREVIEW_AMQP_URL": "amqp://nobody@127.0.0.1:1/",
        "PREREVIEW_SMTP_URL": f"smtp://{LOGIN}mail.example.org",
    }
    answer = subprocess.run(
        [sys.executable, "-m", "services", "notifier"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == MISCONFIGURED
    [line] = answer.stderr.splitlines()
    assert line.startswith("PREREVIEW_SMTP_URL: ")
    assert "hush" not in line
