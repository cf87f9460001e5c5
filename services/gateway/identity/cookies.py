"""Cookies: HttpOnly, SameSite=Lax, and with TLS bound to the host."""

import base64
from dataclasses import dataclass

from fastapi import Request

from shared.contracts.http.auth import Preferences, Tokens

CHOICE_SECONDS = 365 * 86_400
# Seconds by which an access cookie expires before its token: longer than an upload may take, since
# files verifies the token after the upload.
MARGIN = 120
_ALL = (
    "session",
    "access",
    "device",
    "registration",
    "challenge",
    "email",
    "language",
    "zone",
    "theme",
)


@dataclass(frozen=True)
class Cookies:
    """Reads cookies, and collects written ones in the request's state for `SetCookies`."""

    secure: bool
    session_seconds: int

    def read(self, request: Request, name: str) -> str:
        return request.cookies.get(self._full(name), "")

    def write(self, request: Request, name: str, value: str, seconds: int) -> None:
        """`value` must need no quoting."""
        full = self._full(name)
        parts = [f"{full}={value}", "Path=/", f"Max-Age={seconds}", "HttpOnly", "SameSite=Lax"]
        if self.secure:
            parts.append("Secure")
        if not hasattr(request.state, "cookies"):
            request.state.cookies = {}
        request.state.cookies[name] = "; ".join(parts)

    def read_text(self, request: Request, name: str) -> str:
        """A value of `write_text`; empty for anything else."""
        try:
            return base64.urlsafe_b64decode(self.read(request, name)).decode()
        except ValueError:
            return ""

    def write_text(self, request: Request, name: str, text: str, seconds: int) -> None:
        """Write any text, in base64."""
        value = base64.urlsafe_b64encode(text.encode("utf-8", "replace")).decode()
        self.write(request, name, value, seconds)

    def store_session(self, request: Request, tokens: Tokens, session: str) -> None:
        self.write(request, "session", session, self.session_seconds)
        self.write(request, "access", tokens.access_token, max(1, tokens.expires_in - MARGIN))

        if tokens.preferences is not None:
            self.store_preferences(request, tokens.preferences)

    def store_preferences(self, request: Request, preferences: Preferences) -> None:
        """Write the preferences that differ from the request's cookies."""
        chosen = {
            "language": preferences.language,
            "zone": preferences.time_zone,
            "theme": preferences.theme,
        }
        for name, value in chosen.items():
            if self.read(request, name) != value:
                self.write(request, name, value, CHOICE_SECONDS)

    def clear(self, request: Request) -> None:
        """Log the browser out; the cookies of preferences stay."""
        self.write(request, "session", "", 0)
        self.write(request, "access", "", 0)

    def clear_all(self, request: Request) -> None:
        for name in _ALL:
            self.write(request, name, "", 0)

    def _full(self, name: str) -> str:
        return f"__Host-{name}" if self.secure else name
