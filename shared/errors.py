"""Every error a caller can meet: one small tree.

The docstring of an error is its sentence in English; the gateway translates it by that text.
`code` is part of the public interface and never changes.
"""

from typing import ClassVar

MISCONFIGURED = 78  # exit code of a program that its settings keep from starting; sysexits.h


class Misconfigured(Exception):
    """A setting keeps a program from starting: one sentence that names it and repeats no value."""


class DomainError(Exception):
    """The request can't be carried out."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    retry_after: int | None = None  # seconds; None = trying again changes nothing

    def __init__(self, **params: str | int) -> None:
        """Keep `params`, the values of the sentence's `{placeholders}`; never what a user typed."""
        self.params = params
        super().__init__(self.sentence().format(**params))

    @classmethod
    def sentence(cls) -> str:
        return " ".join((cls.__doc__ or "").split())


class Invalid(DomainError):
    """Something in the request has a value that is not allowed."""

    code = "invalid"
    status = 422


class Unauthenticated(DomainError):
    """Please log in."""

    code = "unauthenticated"
    status = 401


class Forbidden(DomainError):
    """This is not allowed."""

    code = "forbidden"
    status = 403


class NotFound(DomainError):
    """There is nothing here, or it is not yours."""

    code = "not_found"
    status = 404


class Conflict(DomainError):
    """Someone changed this at the same moment. Look at it again, then repeat."""

    code = "conflict"
    status = 409


class ConcurrencyConflict(Conflict):
    """Someone changed this at the same moment. Please repeat."""

    code = "concurrency_conflict"
    retry_after = 1


class TooLarge(DomainError):
    """This is larger than what is taken here."""

    code = "too_large"
    status = 413


class Unavailable(DomainError):
    """A part of the service is not available at the moment. Please try again shortly."""

    code = "unavailable"
    status = 503
    retry_after = 5


class OutcomeUnknown(DomainError):
    """We can't tell whether this was done. Look before you repeat it."""

    code = "outcome_unknown"
    status = 504
