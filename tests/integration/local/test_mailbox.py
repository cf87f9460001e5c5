"""The mailbox keeps what is sent, and shows it without being harmed by it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import aiosmtplib
import httpx2
import pytest
from fastapi import FastAPI

from deploy.local.mailbox import create_app
from deploy.local.mailbox_pages import language_of
from deploy.local.ports import free_ports

HOSTILE = "<script>alert(1)</script><b>two findings</b>"
Mailbox = Callable[[], AbstractAsyncContextManager[httpx2.AsyncClient]]


@asynccontextmanager
async def running(app: FastAPI, port: int) -> AsyncIterator[httpx2.AsyncClient]:
    """The page of a mailbox whose SMTP server listens meanwhile; sends go to `port`."""
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost:8025") as client,
    ):
        client.headers["x-smtp-port"] = str(port)
        yield client


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    port = free_ports(1)[0]

    def start() -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        return running(create_app(tmp_path / "mailbox", port), port)

    return start


async def send(client: httpx2.AsyncClient, subject: str = "Привет, main.py") -> None:
    mail = EmailMessage()
    mail["From"] = "Prereview <prereview@localhost>"
    mail["To"] = "anna@example.org"
    mail["Subject"] = subject
    mail.set_content("Look: http://localhost:8000/checks/1?a=b&c=d.\n<not html>\n.\nend\n")
    mail.add_alternative(HOSTILE, subtype="html")
    await aiosmtplib.send(
        mail, hostname="127.0.0.1", port=int(client.headers["x-smtp-port"]), start_tls=False
    )


async def test_mails_outlive_the_mailbox_and_come_newest_first(mailbox: Mailbox) -> None:
    async with mailbox() as client:
        await send(client, "first")
        await send(client)
    async with mailbox() as client:
        listed = (await client.get("/api/messages")).json()
        assert [mail["subject"] for mail in listed] == ["Привет, main.py", "first"]
        assert listed[0]["to"] == ["anna@example.org"]
        one = (await client.get(f"/api/messages/{listed[0]['id']}")).json()
    assert one["from"] == "Prereview <prereview@localhost>"
    assert one["text"].replace("\r\n", "\n").endswith("<not html>\n.\nend\n")
    assert HOSTILE in one["html"]
    assert ["To", "anna@example.org"] in one["headers"]


async def test_the_html_of_a_mail_is_locked_in_a_frame_without_scripts(mailbox: Mailbox) -> None:
    async with mailbox() as client:
        await send(client)
        [mail] = (await client.get("/api/messages")).json()
        page = await client.get(f"/messages/{mail['id']}")
        frame = await client.get(f"/messages/{mail['id']}/html")
    assert "<script" not in page.text
    assert f'src="/messages/{mail["id"]}/html"' in page.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'no")
    assert "script" not in policy
    assert HOSTILE in frame.text


async def test_everything_a_sender_wrote_is_escaped_and_links_can_be_clicked(
    mailbox: Mailbox,
) -> None:
    async with mailbox() as client:
        await send(client, HOSTILE)
        page = await client.get("/")
        [mail] = (await client.get("/api/messages")).json()
        one = await client.get(f"/messages/{mail['id']}")
    assert "<script" not in page.text + one.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "&lt;not html&gt;" in one.text
    assert 'href="http://localhost:8000/checks/1?a=b&amp;c=d"' in one.text


async def test_the_source_is_exactly_what_was_sent_behind_its_envelope(mailbox: Mailbox) -> None:
    async with mailbox() as client:
        await send(client)
        [mail] = (await client.get("/api/messages")).json()
        source = await client.get(f"/messages/{mail['id']}/source")
    assert source.headers["content-disposition"].startswith("attachment")
    head = b"Return-Path: <prereview@localhost>\r\nDelivered-To: anna@example.org\r\n"
    assert source.content.startswith(head + b"From: ")


@pytest.mark.parametrize(
    "subject",
    ["=?utf-8?b?!!!?=", "=?x-unknown?q?a?=", "a\tb", "x" * 900, "=?utf-8?q?=0D=0ABcc=3A_x=40y?="],
)
async def test_malformed_mail_is_shown_too(mailbox: Mailbox, subject: str) -> None:
    raw = f"From: <<a@b>\r\nTo: ,;\r\nSubject: {subject}\r\nContent-Type: text/html; charset=nope"
    async with mailbox() as client:
        await aiosmtplib.send(
            f"{raw}\r\n\r\n\x00 text\r\n",
            sender="bounces@localhost",
            recipients=["x@y"],
            hostname="127.0.0.1",
            port=int(client.headers["x-smtp-port"]),
            start_tls=False,
        )
        [mail] = (await client.get("/api/messages")).json()
        for path in ("/", f"/messages/{mail['id']}", f"/api/messages/{mail['id']}"):
            assert (await client.get(path)).status_code == 200


async def test_foreign_names_and_made_up_ids_get_nothing(mailbox: Mailbox) -> None:
    async with mailbox() as client:
        get = partial(client.get, headers={"host": "evil.example"})
        assert (await get("/api/messages")).status_code == 400
        for made_up in ("..%2f..%2fetc%2fpasswd", "0" * 16, "x", "%00"):
            for path in ("/messages/{}", "/messages/{}/html", "/api/messages/{}"):
                assert (await client.get(path.format(made_up))).status_code == 404


async def test_somebody_who_looks_for_what_is_not_there_gets_a_page(mailbox: Mailbox) -> None:
    """A program is told in JSON as before."""
    accept = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-language": "ru"}
    async with mailbox() as client:
        for path in ("/nothing", "/messages/0000000000000000", "/messages/x/html"):
            page = await client.get(path, headers=accept)
            assert page.status_code == 404
            assert "Здесь ничего нет" in page.text
            assert 'href="/"' in page.text
            assert page.headers["content-security-policy"].startswith("default-src 'none'")
        for path in ("/nothing", "/messages/0000000000000000", "/api/messages/x"):
            assert (await client.get(path)).json() == {"detail": "Not Found"}
        assert (await client.get("/api/nothing", headers=accept)).json() == {"detail": "Not Found"}
        refused = await client.post("/", headers=accept)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET")


async def test_times_say_their_zone(mailbox: Mailbox) -> None:
    async with mailbox() as client:
        await send(client)
        [mail] = (await client.get("/api/messages")).json()
        at = datetime.fromisoformat(mail["received_at"])
        shown = f'<time datetime="{mail["received_at"]}">{at.day} {at:%b %Y, %H:%M} UTC</time>'
        for path in ("/", f"/messages/{mail['id']}"):
            assert shown in (await client.get(path)).text


async def test_it_speaks_russian_and_follows_the_systems_colours(mailbox: Mailbox) -> None:
    async with mailbox() as client:
        page = await client.get("/", headers={"accept-language": "ru-RU,ru;q=0.9,en;q=0.8"})
        assert '<html lang="ru">' in page.text
        assert "Писем пока нет." in page.text
        css = (await client.get("/static/mailbox.css")).text
        assert "@media (prefers-color-scheme:dark){:root{color-scheme:dark;--bs-body-color:" in css
        assert (await client.get("/static/bootstrap.css")).status_code == 200


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "en"),
        ("de, ru;q=0.5, en;q=0.4", "ru"),
        ("en, ru", "en"),
        ("ru;q=x", "en"),
    ],
)
def test_languages(header: str, language: str) -> None:
    assert language_of(header) == language
