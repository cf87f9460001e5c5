"""Reads `PREREVIEW_SMTP_URL`."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Security = Literal["none", "starttls", "tls"]
_DEFAULT_PORTS: dict[Security, int] = {"none": 25, "starttls": 587, "tls": 465}
_SHAPE = "smtp://[user:password@]host[:port][?starttls=1] or smtps://[user:password@]host[:port]"


class BadSmtpUrl(ValueError):
    """The URL of the mail server can't be read. The message never repeats it."""


@dataclass(frozen=True)
class SmtpServer:
    """A mail server; the password is not in its `repr`."""

    host: str
    port: int
    security: Security = "none"
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def sends_login_unencrypted(self) -> bool:
        """Whether user and password leave this machine without TLS."""
        return self.user is not None and self.security == "none" and not _is_loopback(self.host)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Read `smtp://user:password@host:port?starttls=1` or `smtps://…`.

        Raises:
            BadSmtpUrl: it is anything else. Special characters of a password stand as %XX.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:  # its text can hold a piece of the password
            raise BadSmtpUrl(f"host or port can't be read; expected {_SHAPE}") from None
        if not host or parts.path not in ("", "/") or parts.fragment:
            raise BadSmtpUrl(f"expected {_SHAPE}, special characters of a password as %XX")
        if parts.password and not parts.username:
            raise BadSmtpUrl(f"a password without a user; expected {_SHAPE}")
        if not host.isascii():  # Python's own conversion is that of IDNA 2003
            raise BadSmtpUrl("the host must be written in ASCII, in its xn-- form")
        security = _security(parts)
        return cls(
            host=host,
            port=_DEFAULT_PORTS[security] if port is None else port,
            security=security,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or "") if parts.username else None,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _security(parts: SplitResult) -> Security:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    wanted = options.pop("starttls", None)
    if options or wanted not in (None, "0", "1"):
        raise BadSmtpUrl("the only option is starttls, 0 or 1")
    if parts.scheme == "smtps" and wanted is None:
        return "tls"
    if parts.scheme == "smtp":
        return "starttls" if wanted == "1" else "none"
    raise BadSmtpUrl(f"expected {_SHAPE}")
