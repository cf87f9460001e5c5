"""Errors that the gateway itself raises."""

from shared.errors import DomainError, Forbidden, Invalid, TooLarge, Unauthenticated


class HostUnknown(DomainError):
    code = "host_unknown"


class SecondFactorRequired(Unauthenticated):
    code = "second_factor_required"


class ChallengeInvalid(Unauthenticated):
    code = "challenge_invalid"


class LinkInvalid(Invalid):
    code = "link_invalid"


class CrossSiteRequest(Forbidden):
    code = "cross_site_request"


class UnsupportedMediaType(DomainError):
    code = "unsupported_media_type"
    status = 415


class RequestTimeout(DomainError):
    code = "request_timeout"
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


class TooManyFilesAtOnce(Invalid):
    code = "too_many_files_at_once"


class ExportRunning(DomainError):
    code = "export_running"
    status = 429
    retry_after = 10


class TooManyEventStreams(DomainError):
    code = "too_many_event_streams"
    status = 429
    retry_after = 30


class ScopesMissing(Invalid):
    code = "scopes_missing"


class LifetimeMissing(Invalid):
    code = "lifetime_missing"


class TooManyParts(DomainError):
    code = "too_many_parts"
