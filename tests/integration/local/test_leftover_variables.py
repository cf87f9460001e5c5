"""A variable left over in a shell ends `serve` in a sentence that names it; nothing has run."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from deploy.local import given
from deploy.local.__main__ import main
from deploy.local.options import Options
from deploy.local.system import System
from tests.support.certificates import loopback_tls
from tests.support.databases import PrivateDatabase, create_empty, drop
from tests.support.product import free_port, local
from tests.support.servers import Broker

SECRET = "hush-hush"


@contextmanager
def answering(words: bytes, *, hang: bool = False) -> Iterator[int]:
    """A server that is none of ours: it says `words` to whoever connects."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def answer() -> None:
            while True:
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                peer.sendall(words)
                if hang:
                    kept.append(peer)
                else:
                    peer.close()

        kept: list[socket.socket] = []
        threading.Thread(target=answer, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        for peer in kept:
            peer.close()


@contextmanager
def speaking_tls(folder: Path) -> Iterator[int]:
    """A server with a certificate that it made itself."""
    context = loopback_tls(folder).server
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def answer() -> None:
            with suppress(OSError):
                peer, _ = listening.accept()
                context.wrap_socket(peer, server_side=True).close()

        thread = threading.Thread(target=answer)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


Refused = Callable[[str, str], str]


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Refused:
    """What `serve` says with this variable in its environment; it must start nothing."""

    def nothing(_system: System) -> None:
        raise AssertionError("it would have started")

    def refuse(variable: str, value: str) -> str:
        monkeypatch.setenv(variable, value)
        began = time.monotonic()
        assert main(["serve"]) == 1
        assert time.monotonic() - began < 20
        printed = capsys.readouterr()
        [said] = printed.err.splitlines()
        assert said.startswith(variable), said
        assert SECRET not in printed.out + printed.err
        return said

    monkeypatch.setattr(System, "_start_rabbitmq", nothing)
    monkeypatch.setenv("PREREVIEW_DATA", str(tmp_path / "data"))
    for name in ("PORT", "MAILBOX_PORT"):
        monkeypatch.setenv(f"PREREVIEW_{name}", str(free_port()))
    return refuse


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PREREVIEW_AMQP_URL", "garbage"),
        ("PREREVIEW_AMQP_URL", "amqp://"),
        ("PREREVIEW_AMQP_URL", f"http://user:{SECRET}@127.0.0.1:5672/"),
        ("PREREVIEW_AMQP_URL", f"amqp://user:{SECRET}@127.0.0.1:port/"),
        ("PREREVIEW_AMQP_URL", f"amqp://user:{SECRET}@[::1/"),
        ("PREREVIEW_AMQP_URL", f"amqp://user:{SECRET}@broker.invalid/"),
        ("PREREVIEW_AMQP_URL", f"amqp://user:{SECRET}@127.0.0.1:1/"),
        ("PREREVIEW_DATABASE_URL", "garbage"),
        ("PREREVIEW_DATABASE_URL", f"mysql://user:{SECRET}@127.0.0.1/"),
        ("PREREVIEW_DATABASE_URL", f"postgresql://user:{SECRET}@127.0.0.1:99999/"),
        ("PREREVIEW_DATABASE_URL", f"postgresql://user:{SECRET}@database.invalid/"),
        ("PREREVIEW_DATABASE_URL", f"postgresql://user:{SECRET}@127.0.0.1:1/"),
        ("PREREVIEW_DATABASE_URL", f"postgresql://user:{SECRET}@127.0.0.1:1/?sslmode=garbage"),
        ("PREREVIEW_DATABASE_URL", "postgresql:///prereview?host=/run/postgresql"),
        ("PREREVIEW_DATABASE_URL", "postgresql://%2Frun%2Fpostgresql/prereview"),
        ("PREREVIEW_SMTP_URL", "garbage"),
        ("PREREVIEW_SMTP_URL", f"smtp://user:{SECRET}@mail.example"),
        ("PREREVIEW_AMQP_URL_FILE", "/nowhere/amqp_url"),
        ("PREREVIEW_PAGE_SIZE_FILE", "/nowhere"),
        ("PREREVIEW_CHECK_INTERVAL", "soon"),
        ("PREREVIEW_LOG_LEVEL", "loud"),
        ("PREREVIEW_LOG_FORMAT", "xml"),
        ("PREREVIEW_HOST", "host.invalid"),
        ("PREREVIEW_OTLP_ENDPOINT", "collector:4318"),
        ("PREREVIEW_WORK_DIR", "/nowhere"),
        ("PREREVIEW_TRUSTED_PROXIES", "proxy.local"),
        ("PREREVIEW_RETENTION_DAYS", "99999999999999999999"),
        ("PREREVIEW_MAIL_INTERVAL", "1e400"),
        ("PREREVIEW_MAIL_FROM", "nobody"),
        ("PREREVIEW_RUFF_ISOLATION", "perhaps"),
        ("PREREVIEW_PUBLIC_URL", "prereview.example"),
        ("PREREVIEW_METRICS_TOKEN", "\udcff"),
        ("PREREVIEW_DATABASE_URL", "postgresql://\udcff@127.0.0.1/"),
    ],
)
def test_it_is_named(refused: Refused, variable: str, value: str) -> None:
    refused(variable, value)


def test_nothing_else_is_on_the_terminal(tmp_path: Path) -> None:
    url = f"amqp://user:{SECRET}@127.0.0.1:1/"
    answer = local("serve", tmp_path, PREREVIEW_AMQP_URL=url, PREREVIEW_PORT=str(free_port()))
    assert answer.returncode == 1
    assert answer.stderr == (
        "PREREVIEW_AMQP_URL: nobody answers at that address. Start the server, or unset it: then "
        "Prereview starts a broker of its own.\n"
    )


OTHERS = pytest.mark.parametrize(
    ("words", "hang"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", False), (b"", False), (b"", True)],
    ids=["web", "closes", "silent"],
)


@pytest.mark.parametrize("scheme", ["amqp", "postgresql"])
@OTHERS
def test_a_server_of_another_kind_is_found_out(
    refused: Refused, scheme: str, words: bytes, hang: bool
) -> None:
    name = {"amqp": "AMQP", "postgresql": "DATABASE"}[scheme]
    with answering(words, hang=hang) as port:
        said = refused(f"PREREVIEW_{name}_URL", f"{scheme}://127.0.0.1:{port}/")
    assert "unset it" in said


def _warns_of_mail(url: str, capsys: pytest.CaptureFixture[str]) -> bool:
    given.check_servers(Options.read({"PREREVIEW_SMTP_URL": url}))
    said = capsys.readouterr().out
    assert SECRET not in said
    return said.startswith("PREREVIEW_SMTP_URL: ") and said.endswith("Until then mails wait.\n")


@pytest.mark.parametrize("url", ["smtp://mail.invalid", f"smtp://user:{SECRET}@127.0.0.1:1"])
def test_mails_wait_for_a_server_that_is_away(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _warns_of_mail(url, capsys)


@OTHERS
def test_mails_wait_for_a_server_that_takes_none(
    capsys: pytest.CaptureFixture[str], words: bytes, hang: bool
) -> None:
    with answering(words, hang=hang) as port:
        assert _warns_of_mail(f"smtp://127.0.0.1:{port}/", capsys)


@pytest.fixture
def database(postgres_url: str) -> Iterator[PrivateDatabase]:
    made = asyncio.run(create_empty(postgres_url))
    yield made
    asyncio.run(drop(made))


def test_a_database_with_other_credentials(refused: Refused, database: PrivateDatabase) -> None:
    def said(given: str) -> str:
        return refused("PREREVIEW_DATABASE_URL", given)

    stranger = database.admin_url.set(password=SECRET)
    assert "refuses this user or password" in said(stranger.render_as_string(hide_password=False))
    elsewhere = database.admin_url.set(database="no_such_database")
    assert "no database of that name" in said(elsewhere.render_as_string(hide_password=False))
    assert "too few rights" in said(database.url("files"))


def test_a_broker_with_other_credentials(refused: Refused, rabbitmq: Broker) -> None:
    address = f"{rabbitmq.host}:{rabbitmq.port}"
    variable = "PREREVIEW_AMQP_URL"
    said = refused(variable, f"amqp://guest:{SECRET}@{address}/prereview")
    assert "refuses this user or password" in said
    server, _, _host = rabbitmq.url().rpartition("/")
    assert "no virtual host of that name" in refused(variable, f"{server}/elsewhere")


def test_a_database_without_tls(refused: Refused, postgres_url: str) -> None:
    url = make_url(postgres_url).set(query={"sslmode": "require"})
    said = refused("PREREVIEW_DATABASE_URL", url.render_as_string(hide_password=False))
    assert "speaks no TLS" in said
    assert "Start the server" not in said


def test_a_broker_without_tls(refused: Refused, rabbitmq: Broker) -> None:
    said = refused("PREREVIEW_AMQP_URL", rabbitmq.url().replace("amqp://", "amqps://"))
    assert "speaks no TLS" in said
    assert "Start the server" not in said


def test_a_certificate_that_is_refused(refused: Refused, tmp_path: Path) -> None:
    with speaking_tls(tmp_path) as port:
        said = refused("PREREVIEW_AMQP_URL", f"amqps://user:{SECRET}@127.0.0.1:{port}/")
    assert "its certificate is refused (self-signed certificate)" in said


@pytest.mark.parametrize("option", ["sslmode=perhaps", "sslmode=require&sslcert=/nowhere"])
def test_options_that_no_connection_can_have(refused: Refused, option: str) -> None:
    said = refused("PREREVIEW_DATABASE_URL", f"postgresql://user:{SECRET}@127.0.0.1:1/?{option}")
    assert "TLS can't be set up" in said


def test_a_folder_that_can_hold_no_data(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/prereview")):
        [said] = local("serve", folder).stderr.splitlines()
        assert "set PREREVIEW_DATA to a folder of yours" in said


def test_two_pages_need_two_ports(tmp_path: Path) -> None:
    port = str(free_port())
    answer = local("serve", tmp_path, PREREVIEW_PORT=port, PREREVIEW_MAILBOX_PORT=port)
    assert answer.stderr == "PREREVIEW_PORT and PREREVIEW_MAILBOX_PORT must be two ports.\n"


def test_migrating_says_the_same(tmp_path: Path) -> None:
    url = f"postgresql://user:{SECRET}@127.0.0.1:1/"
    for command in ("migrate", "rebuild"):
        [said] = local(command, tmp_path, PREREVIEW_DATABASE_URL=url).stderr.splitlines()
        assert said.startswith("PREREVIEW_DATABASE_URL: nobody answers")


def test_what_runs_can_be_stopped_whatever_is_set(tmp_path: Path) -> None:
    wrong = {"PREREVIEW_AMQP_URL": "garbage", "PREREVIEW_PORT": "http", "PREREVIEW_HOST": "?"}
    assert local("down", tmp_path, **wrong).stdout == "Nothing is running.\n"


def test_empty_ones_are_none(tmp_path: Path) -> None:
    names = ("PORT", "CHECK_INTERVAL", "AMQP_URL", "DATABASE_URL", "SMTP_URL", "LOG_LEVEL")
    empty = {f"PREREVIEW_{name}": "" for name in names}
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        answer = local("serve", tmp_path, **{**empty, "PREREVIEW_MAILBOX_PORT": port})
    assert f"Port {port} is taken" in answer.stderr or "Port 8000 is taken" in answer.stderr
