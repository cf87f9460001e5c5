"""What the services answer, and what the public API answers in turn."""

from services.gateway.models.accounts import Account, Tokens
from services.gateway.models.checks import (
    Check,
    CheckEntry,
    CheckPage,
    LastCheck,
    Mail,
    MailMark,
    MailState,
    Outcome,
    Schedule,
)
from services.gateway.models.files import File, FilePage, Saved

__all__ = [
    "Account",
    "Check",
    "CheckEntry",
    "CheckPage",
    "File",
    "FilePage",
    "LastCheck",
    "Mail",
    "MailMark",
    "MailState",
    "Outcome",
    "Saved",
    "Schedule",
    "Tokens",
]
