"""What every error says to people, by its code. `i18n/ru/errors.po` says it in Russian."""

from collections.abc import Callable, Mapping

SENTENCES = {
    # any service
    "refused": "The request can't be carried out.",
    "invalid": "Something in the request has a value that is not allowed.",
    "unauthenticated": "Please log in.",
    "forbidden": "This is not allowed.",
    "session_required": "No token may do that, only somebody who has logged in.",
    "insufficient_scope": "This token may not do that: it lacks the scope {scope}.",
    "not_found": "There is nothing here, or it is not yours.",
    "conflict": "Someone changed this at the same moment. Look at it again, then repeat.",
    "concurrency_conflict": "Someone changed this at the same moment. Please repeat.",
    "too_large": "This is larger than what is taken here.",
    "unavailable": (
        "A part of the service is not available at the moment. Please try again shortly."
    ),
    "outcome_unknown": "We can't tell whether this was done. Look before you repeat it.",
    "service_unavailable": (
        "A part of the service is not available at the moment. Please try again shortly."
    ),
    "database_unavailable": (
        "The database is not available at the moment. Please try again shortly."
    ),
    "database_refuses_writes": (
        "Nothing can be changed at the moment; what is there can be read. Please try again shortly."
    ),
    "broker_unavailable": (
        "The message broker is not available at the moment. Please try again shortly."
    ),
    "broker_refuses_publishing": (
        "The message broker lacks memory or disk and takes no messages. What is told comes later."
    ),
    "events_set_aside": (
        "Some events could not be published and are set aside. Everything else goes on."
    ),
    "migrations_pending": "The database is being prepared. Please try again shortly.",
    # auth
    "email_invalid": "This is not a valid e-mail address.",
    "password_too_short": "A password needs at least {minimum} characters.",
    "password_too_long": "A password has at most {maximum} characters.",
    "password_unchanged": "The new password is the current one.",
    "password_unreadable": "The password holds a character that can't be typed.",
    "wrong_credentials": "The e-mail address or the password is wrong.",
    "password_too_weak": "This password is too easy to guess.",
    "wrong_password": "The current password is wrong.",
    "too_many_attempts": "Too many attempts. Please try again in {minutes} min.",
    "password_hashing_busy": (
        "Too many passwords are being checked at this moment. Please try again shortly."
    ),
    "link_invalid": "This link has been used or is too old. Ask for a new one.",
    "password_or_login_required": (
        "This link alone is not enough: log in to the account, or give its password."
    ),
    "wrong_second_factor_code": "This code is wrong, or was used already.",
    "challenge_invalid": "This login took too long or has ended. Please log in again.",
    "second_factor_already_enabled": "Your second factor is on already. Switch it off first.",
    "second_factor_not_enabled": "You have no second factor. Set one up first.",
    "email_unconfirmed": "Confirm your e-mail address first.",
    "email_already_confirmed": "Your address is confirmed already.",
    "time_zone_unknown": "This time zone is unknown.",
    "too_many_tokens": "You have {limit} tokens, and there can't be more. Revoke one first.",
    # files
    "file_name_taken": (
        "You already have a file of this name. Replace that one, or choose another name."
    ),
    "name_taken_meanwhile": (
        "Another file has this name by now. Rename or delete that one, then restore this one."
    ),
    "file_is_deleted": (
        "This file is deleted. The list of deleted files tells whether it can come back."
    ),
    "not_python": "Only Python files can be uploaded: the name must end in one .py, in lower case.",
    "file_name_invalid": (
        r"""This name can't be used. At most {maximum} characters and {bytes} bytes in UTF-8, no"""
        r""" dot, hyphen or space in front, nothing invisible, none of \ / : * ? " < > | =."""
    ),
    "not_text": "This is not a text file.",
    "not_utf8": (
        "The file can't be read as UTF-8. Save it as UTF-8, or declare its encoding at its top."
    ),
    "encoding_unknown": (
        "The file can't be read in the encoding it declares. Save it as UTF-8 and upload it again."
    ),
    "file_too_large": "The file is larger than {limit}.",
    "version_conflict": (
        "This was meant for another version: the file is at version {current} by now."
    ),
    "content_erased": "This file was deleted long ago, and its contents are gone for good.",
    "too_many_changes": (
        "This file has changed {limit} times, which is the most. Delete it and upload it anew."
    ),
    "too_many_files": "You can have at most {limit} files. Delete one first.",
    "storage_full": (
        "All versions of your files together can take at most {limit}; this needs more."
    ),
    "too_many_uploads": "You save files too quickly. Please go on in {seconds} s.",
    "diff_busy": "Too many files are being compared at this moment. Please try again shortly.",
    "idempotency_key_invalid": (
        "The header Idempotency-Key has 1 to 255 visible ASCII characters, and comes once."
    ),
    "idempotency_key_reused": "This Idempotency-Key was used for another request. Take a new one.",
    # reports
    "cursor_invalid": "This page of the list does not exist. Begin with the first.",
    # the gateway
    "second_factor_required": "The password is right. Now a code of your second factor is needed.",
    "host_unknown": "This address does not belong to Prereview.",
    "cross_site_request": "This request came from another website, so it was not carried out.",
    "unsupported_media_type": "The request's content is of a kind that is not accepted here.",
    "request_timeout": "The request took too long to arrive. Please try again.",
    "upload_invalid": (
        "This upload can't be read. Send one file, as the part “file” of a multipart form."
    ),
    "file_missing": "Choose a file first.",
    "file_name_missing": "The file came without a name.",
    "file_name_repeated": (
        "Another file of this form has the same name and came first. Rename this one, then send it."
    ),
    "file_name_unreadable": "The file's name can't be read.",
    "too_many_event_streams": (
        "You have too many pages or programs open that follow the news. Close some of them."
    ),
    "export_running": (
        "You are downloading such an archive already. Wait for its end, then try again."
    ),
    "too_many_files_at_once": "At most {limit} files can be uploaded at once.",
    "text_not_encodable": (
        "A character of the text can't be written in the encoding that the file declares."
    ),
    "scopes_missing": "Choose at least one thing that the token may do.",
    "lifetime_missing": "Choose how long the token shall be valid.",
    "too_many_parts": "The form has too many parts.",
    "method_not_allowed": "This can't be done here.",
    "headers_too_large": "The headers are too large.",
    "internal": "Something went wrong on our side. It is logged and we will look into it.",
}


def sentence(code: str, params: Mapping[str, object], translate: Callable[[str], str] = str) -> str:
    """The sentence of a code with its values; a general one where either is not known here."""
    general = SENTENCES["refused"]
    try:
        return translate(SENTENCES.get(code, general)).format(**params)
    except (KeyError, IndexError):
        return translate(general)
