"""Default security headers of all responses."""

from services.gateway.settings import Settings
from shared.web.middleware import SECURITY_HEADERS

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",  # Bootstrap's icons
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
)

# For pages with a secret in their URL: browsers must not send it to other sites.
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
