"""The README of an export."""

from services.gateway.i18n.language import translations
from shared.contracts.auth import Language
from shared.i18n.catalogue import N_

_HEADING = N_("What Prereview keeps of you")
_PARTS = {
    "account.json": N_("Your account and its preferences."),
    "sessions.json": N_("Where you are logged in, or were in the last month."),
    "devices.json": N_(
        "When each browser or program you have logged in from was first and last seen."
    ),
    "tokens.json": N_("Your API tokens, without the secrets: those we do not keep."),
    "security-log.json": N_("What concerned the safety of your account in the last year."),
    "account-mails.json": N_(
        "Recent mails about your account, and the addresses they are meant for."
    ),
    "files.json": N_(
        "Your files, also deleted ones. “folder” says where the versions of a file are."
    ),
    "files/…/versions.json": N_("The versions of a file, the newest first."),
    "files/…/v1-…": N_(
        "The bytes of a version as you sent them. Those of files deleted long ago are gone."
    ),
    "checks/….json": N_("Every check with all it found."),
    "mails.json": N_(
        "Every mail to you: its kind, when it was sent, what the mail server answered."
        " We do not keep the text of mails."
    ),
    "complete.json": N_(
        "The last entry: it tells that nothing is missing. An archive that has none, or that can't"
        " be opened, has broken off on its way. Download it again."
    ),
}
_NOTES = N_(
    "Long lists go on in files with a number, such as mails-2.json. All of it is JSON in UTF-8;"
    " times are in UTC."
)


def guide(language: Language) -> bytes:
    """Plain text in UTF-8."""
    translate = translations(language).gettext
    parts = [f"{name}\n    {translate(text)}" for name, text in _PARTS.items()]
    return "\n\n".join([translate(_HEADING), *parts, translate(_NOTES), ""]).encode()
