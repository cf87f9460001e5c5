"""Every error a caller can meet: one small tree.

`code` is part of the public interface and never changes. What it says to people stands in
`shared.error_messages`.
"""

from collections.abc import Mapping
from typing import Any

from shared import error_messages

MISCONFIGURED = 78  # exit code of a program that its settings keep from starting; sysexits.h


class Misconfigured(Exception):
    """A setting keeps a program from starting: one sentence that names it and repeats no value."""


class DomainError(Exception):
    """What a caller is told: a stable code, a status, and whether a later try may succeed."""

    code: str = "refused"
    status: int = 400
    retry_after: int | None = None  # seconds; None = trying again changes nothing

    def __init__(self, **params: str | int) -> None:
        """Keep `params`, the values of the sentence's `{placeholders}`; never what a user typed."""
        self.params = params
        super().__init__(self.sentence())

    def sentence(self) -> str:
        return error_messages.SENTENCES[self.code].format(**self.params)


class Invalid(DomainError):
    code = "invalid"
    status = 422


class Unauthenticated(DomainError):
    code = "unauthenticated"
    status = 401


class Forbidden(DomainError):
    code = "forbidden"
    status = 403


class NotFound(DomainError):
    code = "not_found"
    status = 404


class Conflict(DomainError):
    code = "conflict"
    status = 409


class ConcurrencyConflict(Conflict):
    code = "concurrency_conflict"
    retry_after = 1


class TooLarge(DomainError):
    code = "too_large"
    status = 413


class Unavailable(DomainError):
    code = "unavailable"
    status = 503
    retry_after = 5


class OutcomeUnknown(DomainError):
    code = "outcome_unknown"
    status = 504


class RemoteError(DomainError):
    """What another service has refused: its own status, code, params and Retry-After.

    `remote_error` makes one that is also of the kind of its status: `except NotFound` catches
    every 404, whichever service it comes from.
    """

    def __init__(
        self, status: int, code: str, params: Mapping[str, Any], retry_after: int | None = None
    ) -> None:
        """Take a problem's fields as they came; of `params` only texts and integers are kept."""
        self.status, self.code, self.retry_after = status, code, retry_after
        super().__init__(**{k: v for k, v in params.items() if isinstance(v, str | int)})

    def sentence(self) -> str:
        return error_messages.sentence(self.code, self.params)


_REMOTE_KINDS: dict[int, type[RemoteError]] = {
    kind.status: type(f"Remote{kind.__name__}", (RemoteError, kind), {})
    for kind in (Invalid, Unauthenticated, Forbidden, NotFound, Conflict, TooLarge, Unavailable)
}


def remote_error(
    status: int, code: str, params: Mapping[str, Any], retry_after: int | None = None
) -> RemoteError:
    return _REMOTE_KINDS.get(status, RemoteError)(status, code, params, retry_after)
