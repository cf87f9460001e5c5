"""Types of settings that are checked; a `ValueError` never repeats the value."""

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

_DATABASE = ("postgresql", "postgres")
_BROKER = ("amqp", "amqps")


def read_server_url(written: str, schemes: tuple[str, ...]) -> str:
    """The URL as it is, if it begins with one of the schemes and names a host.

    Raises `ValueError` with a sentence for anything else.
    """
    example = f"{schemes[0]}://[user:password@]host[:port], special characters of a password as %XX"
    try:
        parts = urlsplit(written)
        host, _port = parts.hostname, parts.port
    except ValueError:  # its text can hold a piece of the password
        raise ValueError(f"has a host or port that can't be read; expected {example}.") from None
    if parts.scheme not in schemes:
        raise ValueError(f"must begin with {schemes[0]}://; expected {example}.")
    if not host or any(ord(character) <= ord(" ") for character in written):
        raise ValueError(f"names no host, and a socket's path will not do; expected {example}.")
    if host.startswith("%2f"):  # the path of a socket, as Postgres allows it
        raise ValueError(f"names a socket where a host is needed; expected {example}.")
    return written


def read_database_url(written: str) -> str:
    """`read_server_url` of a Postgres server."""
    return read_server_url(written, _DATABASE)


def read_broker_url(written: str) -> str:
    """`read_server_url` of a RabbitMQ broker."""
    return read_server_url(written, _BROKER)


def _database(secret: SecretStr) -> SecretStr:
    read_database_url(secret.get_secret_value())
    return secret


def _broker(secret: SecretStr) -> SecretStr:
    read_broker_url(secret.get_secret_value())
    return secret


def _http(written: str) -> str:
    """Empty, where that means none."""
    return written and read_server_url(written, ("http", "https"))


def _folder(path: Path) -> Path:
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        raise ValueError("must be a folder that is there and that we may write to.")
    return path


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
BrokerUrl = Annotated[SecretStr, AfterValidator(_broker)]
HttpUrl = Annotated[str, AfterValidator(_http)]
Folder = Annotated[Path, AfterValidator(_folder)]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(str.upper)
]
