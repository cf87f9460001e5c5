"""Codes that prove a second factor: those an app shows (TOTP, RFC 6238), and recovery codes."""

import base64
import re
import secrets
from datetime import datetime

import pyotp

WINDOW = 1  # steps of 30 s that a clock may be off; RFC 6238, 5.2
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10  # 80 bits: kept as a plain hash, it can't be found by trying
_SHOWN = re.compile(r"[0-9]{6}")  # in ASCII, where pyotp takes digits of any script


def new_secret() -> str:
    """160 random bits in base 32; RFC 4226, 4."""
    return pyotp.random_base32()


def link(secret: str, email: str) -> str:
    """What an app reads from a QR code: `otpauth://totp/…`."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Prereview")


def bare(typed: str) -> str:
    """A code without the spaces and hyphens that people type, in lower case."""
    return re.sub(r"[\s-]", "", typed).lower()


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step of which the app shows this bare code; None for a wrong one."""
    if not _SHOWN.fullmatch(code):
        return None
    app = pyotp.TOTP(secret)
    try:
        return app.verify_and_get_timecode(code, for_time=now, valid_window=WINDOW)
    except pyotp.OTPVerificationError:
        return None


def new_recovery_codes() -> list[str]:
    """As they are shown: four times four letters and digits."""
    return [_recovery_code() for _ in range(RECOVERY_CODES)]


def _recovery_code() -> str:
    code = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))
