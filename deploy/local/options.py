"""What can be chosen for a local run: variables beginning with `PREREVIEW_`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from deploy.local.errors import CannotStart
from shared.public_url import read_public_url

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
        """Raises `CannotStart` for a port that is none."""
        port = _port(environment, "PORT", 8000)
        return cls(
            data=Path(_value(environment, "DATA") or ".local").resolve(),
            port=port,
            mailbox_port=_port(environment, "MAILBOX_PORT", 8025),
            public_url=_public_url(environment, port),
            database_url=_value(environment, "DATABASE_URL"),
            amqp_url=_value(environment, "AMQP_URL"),
            smtp_url=_value(environment, "SMTP_URL"),
        )


def _value(environment: Mapping[str, str], name: str) -> str:
    if file := environment.get(f"{PREFIX}{name}_FILE"):
        return Path(file).read_text("utf-8").strip()
    return environment.get(f"{PREFIX}{name}", "").strip()


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
