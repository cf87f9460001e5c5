"""What can be chosen for a local run: variables beginning with `PREREVIEW_`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from deploy.local.errors import CannotStart
from shared.public_url import read_public_url
from shared.setting_types import read_broker_url, read_database_url
from shared.settings import read_secret_file

PREFIX = "PREREVIEW_"


@dataclass(frozen=True)
class Options:
    """Where things are kept and found; an address left out means that we start one of our own."""

    data: Path
    port: int = 8000
    mailbox_port: int = 8025
    public_url: str = ""
    database_url: str = field(default="", repr=False)  # an administrator's
    amqp_url: str = field(default="", repr=False)
    smtp_url: str = field(default="", repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Raises `CannotStart` for a value of which we see at once that it is none."""
        port = _port(environment, "PORT", 8000)
        mailbox_port = _port(environment, "MAILBOX_PORT", 8025)
        smtp_url = _value(environment, "SMTP_URL")
        if port == mailbox_port and not smtp_url:
            raise CannotStart(f"{PREFIX}PORT and {PREFIX}MAILBOX_PORT must be two ports.")
        return cls(
            data=read_data(environment),
            port=port,
            mailbox_port=mailbox_port,
            public_url=_public_url(environment, port),
            database_url=_url(environment, "DATABASE_URL", read_database_url),
            amqp_url=_url(environment, "AMQP_URL", read_broker_url),
            smtp_url=smtp_url,
        )


def read_data(environment: Mapping[str, str]) -> Path:
    """The folder of everything that is kept."""
    try:
        return Path(_value(environment, "DATA") or ".local").resolve()
    except (OSError, RuntimeError):  # the latter for links that lead in a circle
        raise CannotStart(
            f"{PREFIX}DATA leads to no folder: set {PREFIX}DATA to a folder of yours, or unset it."
        ) from None


def _value(environment: Mapping[str, str], name: str) -> str:
    """As `shared.settings` reads it: a variable is nearer than a file."""
    value, file = environment.get(PREFIX + name, ""), environment.get(f"{PREFIX}{name}_FILE")
    value = value.strip() or (read_secret_file(name, file) if file else "")
    if any("\udc80" <= character <= "\udcff" for character in value):  # bytes that are no text
        raise CannotStart(f"{PREFIX}{name}: can't be read as UTF-8.")
    return value


def _url(environment: Mapping[str, str], name: str, read: Callable[[str], str]) -> str:
    given = _value(environment, name)
    try:
        return given and read(given)
    except ValueError as error:
        raise CannotStart(
            f"{PREFIX}{name}: {error} Change it, or unset it: then Prereview starts a server of "
            "its own."
        ) from None


def _public_url(environment: Mapping[str, str], port: int) -> str:
    try:
        return read_public_url(_value(environment, "PUBLIC_URL") or f"http://localhost:{port}")
    except ValueError as error:
        raise CannotStart(f"{PREFIX}PUBLIC_URL {error}") from None


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    given = _value(environment, name)
    if not given:
        return default
    if not given.isdecimal() or not 0 < int(given) < 65536:  # noqa: PLR2004 - TCP's ports
        raise CannotStart(f"{PREFIX}{name} must be a port, 1 to 65535.")
    return int(given)
