"""Every error's sentence, by its code, as people read it.

Services keep the English sentence in the error's docstring. The gateway may not import them, so it
repeats the sentences here, where they are translated; a test compares both.
"""

from collections.abc import Mapping
from typing import Any

from services.gateway.i18n.formats import number, size
from services.gateway.i18n.language import N_, translations
from shared.contracts.auth import Language

_OF_BYTES = {"file_too_large", "storage_full"}  # whose limit is one of bytes

SENTENCES = {
    # any service
    "refused": N_("The request can't be carried out."),
    "invalid": N_("Something in the request has a value that is not allowed."),
    "unauthenticated": N_("Please log in."),
    "forbidden": N_("This is not allowed."),
    "session_needed": N_("No token may do that, only somebody who has logged in."),
    "scope_missing": N_("This token may not do that: it lacks the scope {scope}."),
    "not_found": N_("There is nothing here, or it is not yours."),
    "conflict": N_("Someone changed this at the same moment. Look at it again, then repeat."),
    "concurrency_conflict": N_("Someone changed this at the same moment. Please repeat."),
    "too_large": N_("This is larger than what is taken here."),
    "unavailable": N_(
        "A part of the service is not available at the moment. Please try again shortly."
    ),
    "outcome_unknown": N_("We can't tell whether this was done. Look before you repeat it."),
    "service_unavailable": N_(
        "A part of the service is not available at the moment. Please try again shortly."
    ),
    "database_unavailable": N_(
        "The database is not available at the moment. Please try again shortly."
    ),
    "database_refuses_writes": N_(
        "Nothing can be changed at the moment; what is there can be read. Please try again shortly."
    ),
    "broker_unavailable": N_(
        "The message broker is not available at the moment. Please try again shortly."
    ),
    "broker_refuses_publishing": N_(
        "The message broker lacks memory or disk and takes no messages. What is told comes later."
    ),
    "events_set_aside": N_(
        "Some events could not be published and are set aside. Everything else goes on."
    ),
    "migrations_pending": N_("The database is being prepared. Please try again shortly."),
    # auth
    "email_invalid": N_("This is not a valid e-mail address."),
    "password_too_short": N_("A password needs at least {minimum} characters."),
    "password_too_long": N_("A password has at most {maximum} characters."),
    "password_unchanged": N_("The new password is the current one."),
    "password_unreadable": N_("The password holds a character that can't be typed."),
    "wrong_credentials": N_("The e-mail address or the password is wrong."),
    "password_too_weak": N_("This password is too easy to guess."),
    "wrong_password": N_("The current password is wrong."),
    "too_many_attempts": N_("Too many attempts. Please try again in {minutes} min."),
    "link_invalid": N_("This link has been used or is too old. Ask for a new one."),
    "proof_needed": N_(
        "This link alone is not enough: log in to the account, or give its password."
    ),
    "code_wrong": N_("This code is wrong, or was used already."),
    "challenge_invalid": N_("This login took too long or has ended. Please log in again."),
    "second_factor_on": N_("Your second factor is on already. Switch it off first."),
    "second_factor_off": N_("You have no second factor. Set one up first."),
    "email_unconfirmed": N_("Confirm your e-mail address first."),
    "nothing_to_confirm": N_("Your address is confirmed already."),
    "time_zone_unknown": N_("This time zone is unknown."),
    "too_many_tokens": N_("You have {limit} tokens, and there can't be more. Revoke one first."),
    # files
    "file_name_taken": N_(
        "You already have a file of this name. Replace that one, or choose another name."
    ),
    "name_taken_meanwhile": N_(
        "Another file has this name by now. Rename or delete that one, then restore this one."
    ),
    "file_is_deleted": N_(
        "This file is deleted. The list of deleted files tells whether it can come back."
    ),
    "not_python": N_(
        "Only Python files can be uploaded: the name must end in one .py, in lower case."
    ),
    "file_name_invalid": N_(
        r"""This name can't be used. At most {maximum} characters and {bytes} bytes in UTF-8, no"""
        r""" dot, hyphen or space in front, nothing invisible, none of \ / : * ? " < > | =."""
    ),
    "not_text": N_("This is not a text file."),
    "too_busy": N_(
        "Too many passwords are being checked at this moment. Please try again shortly."
    ),
    "not_utf8": N_(
        "The file can't be read as UTF-8. Save it as UTF-8, or declare its encoding at its top."
    ),
    "encoding_unknown": N_(
        "The file can't be read in the encoding it declares. Save it as UTF-8 and upload it again."
    ),
    "file_too_large": N_("The file is larger than {limit}."),
    "version_conflict": N_(
        "This was meant for another version: the file is at version {current} by now."
    ),
    "content_erased": N_("This file was deleted long ago, and its contents are gone for good."),
    "file_worn_out": N_(
        "This file has changed {limit} times, which is the most. Delete it and upload it anew."
    ),
    "files_full": N_("You can have at most {limit} files. Delete one first."),
    "storage_full": N_(
        "All versions of your files together can take at most {limit}; this needs more."
    ),
    "too_many_uploads": N_("You save files too quickly. Please go on in {seconds} s."),
    "comparing_busy": N_(
        "Too many files are being compared at this moment. Please try again shortly."
    ),
    "idempotency_key_invalid": N_(
        "The header Idempotency-Key has 1 to 255 visible ASCII characters, and comes once."
    ),
    "idempotency_key_reused": N_(
        "This Idempotency-Key was used for another request. Take a new one."
    ),
    # reports
    "cursor_invalid": N_("This page of the list does not exist. Begin with the first."),
    # the gateway
    "second_factor_needed": N_(
        "The password is right. Now a code of your second factor is needed."
    ),
    "host_unknown": N_("This address does not belong to Prereview."),
    "cross_site": N_("This request came from another website, so it was not carried out."),
    "unsupported_media_type": N_("The request's content is of a kind that is not accepted here."),
    "request_too_slow": N_("The request took too long to arrive. Please try again."),
    "upload_invalid": N_(
        "This upload can't be read. Send one file, as the part “file” of a multipart form."
    ),
    "file_missing": N_("Choose a file first."),
    "file_name_missing": N_("The file came without a name."),
    "file_name_repeated": N_(
        "Another file of this form has the same name and came first. Rename this one, then send it."
    ),
    "file_name_unreadable": N_("The file's name can't be read."),
    "too_many_feeds": N_(
        "You have too many pages or programs open that follow the news. Close some of them."
    ),
    "export_running": N_(
        "You are downloading such an archive already. Wait for its end, then try again."
    ),
    "too_many_files": N_("At most {limit} files can be uploaded at once."),
    "text_not_encodable": N_(
        "A character of the text can't be written in the encoding that the file declares."
    ),
    "scopes_missing": N_("Choose at least one thing that the token may do."),
    "lifetime_unknown": N_("Choose how long the token shall be valid."),
    "too_many_parts": N_("The form has too many parts."),
    "method_not_allowed": N_("This can't be done here."),
    "headers_too_large": N_("The headers are too large."),
    "internal": N_("Something went wrong on our side. It is logged and we will look into it."),
}


def sentence(language: Language, code: str, params: Mapping[str, Any]) -> str:
    """The sentence of a code with its values; a general one for a code we do not know."""
    words, general = translations(language).gettext, SENTENCES["refused"]
    told = {
        name: _shown(language, code, value) if isinstance(value, int) else value
        for name, value in params.items()
    }
    try:
        return words(SENTENCES.get(code, general)).format(**told)
    except (KeyError, IndexError):
        return words(general)


def _shown(language: Language, code: str, value: int) -> str:
    return size(language, value) if code in _OF_BYTES else number(language, value)
