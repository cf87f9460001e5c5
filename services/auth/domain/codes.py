"""Codes of a second factor: time-based ones of an app (TOTP, RFC 6238), and recovery codes."""

import base64
import re
import secrets
from datetime import datetime

import pyotp

WINDOW = 1  # steps of 30 s that a clock may be off; RFC 6238, 5.2
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10  # 80 bits: stored as a plain hash, it can't be found by trying
_TOTP_CODE = re.compile(r"[0-9]{6}")  # in ASCII, where pyotp takes digits of any script


def new_totp_secret() -> str:
    """160 random bits in base 32; RFC 4226, 4."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, email: str) -> str:
    """What an app reads from a QR code: `otpauth://totp/…`."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Prereview")


def normalize_code(typed: str) -> str:
    """Remove the spaces and hyphens that people type; lower case."""
    return re.sub(r"[\s-]", "", typed).lower()


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step of a normalized code of the app; None when the code is wrong."""
    if not _TOTP_CODE.fullmatch(code):
        return None
    app = pyotp.TOTP(secret)
    try:
        return app.verify_and_get_timecode(code, for_time=now, valid_window=WINDOW)
    except pyotp.OTPVerificationError:
        return None


def new_recovery_codes() -> list[str]:
    """As people see them: four times four letters and digits."""
    return [_new_recovery_code() for _ in range(RECOVERY_CODES)]


def _new_recovery_code() -> str:
    code = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))
