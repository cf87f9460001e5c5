"""Errors the gateway itself finds, and those it passes on."""

from collections.abc import Mapping
from typing import Any

from services.gateway.i18n.error_messages import SENTENCES
from shared.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

_KINDS: dict[int, type[DomainError]] = {
    kind.status: kind
    for kind in (Conflict, Forbidden, Invalid, NotFound, TooLarge, Unauthenticated, Unavailable)
}


class HostUnknown(DomainError):
    """This address does not belong to Prereview."""

    code = "host_unknown"


class SecondFactorNeeded(Unauthenticated):
    """The password is right. Now a code of your second factor is needed."""

    code = "second_factor_needed"


class ChallengeInvalid(Unauthenticated):
    """This login took too long or has ended. Please log in again."""

    code = "challenge_invalid"


class CrossSite(Forbidden):
    """This request came from another website, so it was not carried out."""

    code = "cross_site"


class UnsupportedMediaType(DomainError):
    """The request's content is of a kind that is not accepted here."""

    code = "unsupported_media_type"
    status = 415


class RequestTooSlow(DomainError):
    """The request took too long to arrive. Please try again."""

    code = "request_too_slow"
    status = 408


class UploadInvalid(Invalid):
    """This upload can't be read. Send one file, as the part “file” of a multipart form."""

    code = "upload_invalid"


class FileMissing(Invalid):
    """Choose a file first."""

    code = "file_missing"


class FileNameMissing(Invalid):
    """The file came without a name."""

    code = "file_name_missing"


class FileNameRepeated(Invalid):
    """Another file of this form has the same name and came first. Rename this one, then send it."""

    code = "file_name_repeated"


class FileNameUnreadable(Invalid):
    """The file's name can't be read."""

    code = "file_name_unreadable"


class FileTooLarge(TooLarge):
    """The file is larger than {limit}."""

    code = "file_too_large"


class TextNotEncodable(Invalid):
    """A character of the text can't be written in the encoding that the file declares."""

    code = "text_not_encodable"


class TooManyFiles(Invalid):
    """At most {limit} files can be uploaded at once."""

    code = "too_many_files"


class ExportRunning(DomainError):
    """You are downloading such an archive already. Wait for its end, then try again."""

    code = "export_running"
    status = 429
    retry_after = 10


class TooManyFeeds(DomainError):
    """You have too many pages or programs open that follow the news. Close some of them."""

    code = "too_many_feeds"
    status = 429
    retry_after = 30


class ScopesMissing(Invalid):
    """Choose at least one thing that the token may do."""

    code = "scopes_missing"


class LifetimeUnknown(Invalid):
    """Choose how long the token shall be valid."""

    code = "lifetime_unknown"


class TooManyParts(DomainError):
    """The form has too many parts."""

    code = "too_many_parts"


def passed_on(
    status: int, code: str, params: Mapping[str, Any], retry_after: int | None = None
) -> DomainError:
    """What a service answered, as an error of our own: same status, code and values."""
    known = {name: value for name, value in params.items() if isinstance(value, str | int)}
    sentence = SENTENCES.get(code, DomainError.sentence())
    try:
        sentence.format(**known)
    except (KeyError, IndexError):
        sentence = DomainError.sentence()
    parts = {"__doc__": sentence, "code": code, "status": status, "retry_after": retry_after}
    kind: type[DomainError] = type("PassedOn", (_KINDS.get(status, DomainError),), parts)
    return kind(**known)
