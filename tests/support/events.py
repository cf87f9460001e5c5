"""Events as they happen in stories."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from shared.contracts.checker import CheckFailed, Counts, FileChecked, Finding
from shared.contracts.files import (
    FileDeleted,
    FileErased,
    FileReplaced,
    FileRestored,
    FileUploaded,
)
from shared.contracts.notifier import EmailFailed, EmailQueued, EmailSent
from shared.eventsourcing.event import Event, Metadata, RecordedEvent

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ANN = UUID("7f2b6f1e-6c58-4d55-9f0a-0f4c6a7d1e01")
BOB = UUID("0b0b0b0b-6c58-4d55-9f0a-0f4c6a7d1e02")
FINDING = Finding(
    code="F401",
    name="unused-import",
    tier="warning",
    message="`os` imported but unused",
    row=1,
    column=8,
    end_row=1,
    end_column=10,
    url="https://docs.astral.sh/ruff/rules/unused-import",
    fingerprint="3f6c0d1a2b4e5f60",
)


def uploaded(file_id: UUID, user_id: UUID = ANN, name: str = "main.py") -> FileUploaded:
    return FileUploaded(file_id=file_id, user_id=user_id, name=name, size=0, sha256=EMPTY)


def replaced(
    file_id: UUID, version: int, user_id: UUID = ANN, name: str = "main.py"
) -> FileReplaced:
    sha256 = f"{version:064x}"
    return FileReplaced(
        file_id=file_id, user_id=user_id, name=name, size=version, sha256=sha256, version=version
    )


def deleted(file_id: UUID, version: int, user_id: UUID = ANN) -> FileDeleted:
    return FileDeleted(file_id=file_id, user_id=user_id, version=version)


def restored(file_id: UUID, version: int, user_id: UUID = ANN) -> FileRestored:
    return FileRestored(file_id=file_id, user_id=user_id, version=version)


def erased(file_id: UUID, version: int, user_id: UUID = ANN) -> FileErased:
    return FileErased(file_id=file_id, user_id=user_id, version=version)


def checked(
    file_id: UUID, version: int = 1, user_id: UUID = ANN, *, check_id: UUID | None = None
) -> FileChecked:
    return FileChecked(
        check_id=check_id or uuid4(),
        file_id=file_id,
        user_id=user_id,
        file_name="main.py",
        version=version,
        sha256=EMPTY,
        engine="ruff 0.17.6",
        profile="standard 0123456789ab",
        started_at=NOON,
        duration_ms=14,
        outcome="findings",
        verdict="not_ready",
        counts=Counts(warning=1, total=1, new=1),
        findings=[FINDING],
    )


def check_failed(
    file_id: UUID, version: int = 1, user_id: UUID = ANN, *, check_id: UUID | None = None
) -> CheckFailed:
    return CheckFailed(
        check_id=check_id or uuid4(),
        file_id=file_id,
        user_id=user_id,
        file_name="main.py",
        version=version,
        sha256=EMPTY,
        engine="ruff 0.17.6",
        profile="standard 0123456789ab",
        started_at=NOON,
        duration_ms=14,
        reason="crashed",
    )


def queued(mail_id: UUID, check_id: UUID, user_id: UUID = ANN) -> EmailQueued:
    return EmailQueued(mail_id=mail_id, user_id=user_id, kind="check_result", check_id=check_id)


def sent(mail_id: UUID, check_id: UUID, attempts: int = 1, user_id: UUID = ANN) -> EmailSent:
    return EmailSent(
        mail_id=mail_id,
        user_id=user_id,
        check_id=check_id,
        message_id=f"<{mail_id}@example.org>",
        attempts=attempts,
        reply="250 2.0.0 queued as 42",
        sent_at=NOON,
    )


def mail_failed(
    mail_id: UUID, check_id: UUID, attempts: int = 1, *, final: bool = False, user_id: UUID = ANN
) -> EmailFailed:
    return EmailFailed(
        mail_id=mail_id,
        user_id=user_id,
        check_id=check_id,
        attempts=attempts,
        reason="recipient refused: 450 grey",
        next_attempt_at=None if final else NOON + timedelta(minutes=attempts),
    )


def recorded(
    event: Event,
    stream_id: str | None = None,
    version: int = 1,
    *,
    position: int = 0,
    at: datetime = NOON,
    event_id: UUID | None = None,
) -> RecordedEvent:
    """The event as its consumers see it."""
    metadata = Metadata(user_id=getattr(event, "user_id", None))
    stream = stream_id or f"test-{uuid4()}"
    return RecordedEvent(position, event_id or uuid4(), stream, version, event, metadata, at)
