"""The headers every answer of the gateway has unless it says otherwise."""

from services.gateway.settings import Settings
from shared.web.middleware import SECURITY_HEADERS

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",  # Bootstrap's small pictures
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
)

# Of pages with a secret in their address, which no other site and no log of one shall see.
SECRET_ADDRESS = {"Referrer-Policy": "no-referrer"}


def default_headers(settings: Settings) -> dict[str, str]:
    headers = {
        **SECURITY_HEADERS,
        "Content-Security-Policy": "; ".join(_POLICY),
        "Cache-Control": "no-store",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if settings.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers
