"""Errors that the gateway itself finds."""

from shared.errors import DomainError, Forbidden, Invalid, TooLarge, Unauthenticated


class HostUnknown(DomainError):
    code = "host_unknown"


class SecondFactorNeeded(Unauthenticated):
    code = "second_factor_needed"


class ChallengeInvalid(Unauthenticated):
    code = "challenge_invalid"


class LinkInvalid(Invalid):
    code = "link_invalid"


class CrossSite(Forbidden):
    code = "cross_site"


class UnsupportedMediaType(DomainError):
    code = "unsupported_media_type"
    status = 415


class RequestTooSlow(DomainError):
    code = "request_too_slow"
    status = 408


class UploadInvalid(Invalid):
    code = "upload_invalid"


class FileMissing(Invalid):
    code = "file_missing"


class FileNameMissing(Invalid):
    code = "file_name_missing"


class FileNameRepeated(Invalid):
    code = "file_name_repeated"


class FileNameUnreadable(Invalid):
    code = "file_name_unreadable"


class FileTooLarge(TooLarge):
    code = "file_too_large"


class TextNotEncodable(Invalid):
    code = "text_not_encodable"


class TooManyFiles(Invalid):
    code = "too_many_files"


class ExportRunning(DomainError):
    code = "export_running"
    status = 429
    retry_after = 10


class TooManyFeeds(DomainError):
    code = "too_many_feeds"
    status = 429
    retry_after = 30


class ScopesMissing(Invalid):
    code = "scopes_missing"


class LifetimeUnknown(Invalid):
    code = "lifetime_unknown"


class TooManyParts(DomainError):
    code = "too_many_parts"
