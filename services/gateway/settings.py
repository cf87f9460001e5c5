"""Settings of the gateway."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from shared import settings


class Settings(settings.Settings):
    """The settings that only the gateway has."""

    max_file_bytes: int = Field(
        1024 * 1024, ge=1, le=2**30, description="the largest file accepted, bytes"
    )
    upload_files: int = Field(20, ge=1, le=1000, description="files one upload form may carry")
    session_days: int = Field(
        30, ge=1, le=36_500, description="days until the session cookie expires after its last use"
    )
    session_max_days: int = Field(
        90,
        ge=0,
        le=36_500,
        description="days a session lasts at most; 0 = no limit",
    )
    page_size: int = Field(50, ge=1, le=200, description="rows on a page of a list")
    retention_days: int = Field(
        30,
        ge=0,
        le=36_500,
        description="days a deleted file can be restored; the same value as in files",
    )
    metrics_token: SecretStr = Field(
        SecretStr(""), description="bearer token for `/metrics`; if empty, `/metrics` answers 404"
    )
    trusted_proxies: str = Field(
        "",
        description="networks of proxies whose `X-Forwarded-For` is trusted, separated by commas",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, written: str) -> str:
        """Raises `ValueError` for anything but networks."""
        try:
            _networks(written)
        except ValueError:
            raise ValueError("must be networks such as 10.0.0.0/8, with commas between.") from None
        return written

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return _networks(self.trusted_proxies)

    @property
    def session_seconds(self) -> int:
        """`Max-Age` of the session cookie, which each use renews."""
        return 86_400 * min(self.session_days, self.session_max_days or self.session_days)

    @property
    def is_secure(self) -> bool:
        """Whether the public URL uses TLS."""
        return self.public_url.startswith("https://")

    @property
    def public_origin(self) -> str:
        """The value of `Origin` in browsers; the public URL has no path."""
        return self.public_url

    @property
    def public_host(self) -> str:
        return urlsplit(self.public_url).hostname or "localhost"


def _networks(written: str) -> tuple[IPv4Network | IPv6Network, ...]:
    named = (one.strip() for one in written.split(","))
    return tuple(ip_network(one) for one in named if one)
