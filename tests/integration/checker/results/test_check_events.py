"""The event of a check is caused by the upload that made it due, whatever else the run checks."""

from uuid import UUID, uuid4

from sqlalchemy import text

from services.checker.domain.checks import stream
from services.checker.reactions import react
from shared.contracts.files import FileUploaded
from shared.eventsourcing.event import Metadata, RecordedEvent
from shared.messaging.envelope import to_envelope
from tests.integration.checker.harness import CLEAN, STORE, UNTIDY, CheckerHarness
from tests.support.events import ANN, BOB, NOON

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def _upload(
    checker: CheckerHarness, user_id: UUID, content: bytes, parent: str
) -> RecordedEvent:
    """Somebody uploads a file, in a request and a trace of their own."""
    event = FileUploaded(
        file_id=uuid4(), user_id=user_id, name="a.py", size=1, sha256=checker.contents.put(content)
    )
    metadata = Metadata(user_id, correlation_id=uuid4(), traceparent=f"00-{TRACE}-{parent}-01")
    upload = RecordedEvent(1, uuid4(), f"file-{event.file_id}", 1, event, metadata, NOON)
    async with checker.database.transaction() as connection:
        await react(connection, [upload])
    return upload


async def _result(checker: CheckerHarness, upload: RecordedEvent) -> RecordedEvent:
    assert isinstance(upload.event, FileUploaded)
    async with checker.database.transaction() as connection:
        [result] = await STORE.load(connection, stream(upload.event.file_id))
    return result


async def test_the_event_of_a_check_has_the_correlation_of_its_upload(
    checker: CheckerHarness,
) -> None:
    uploads = [
        await _upload(checker, ANN, UNTIDY, "b7ad6b7169203331"),
        await _upload(checker, BOB, CLEAN, "00f067aa0ba902b7"),
        await _upload(checker, BOB, b"", "1111111111111111"),
    ]
    gone = checker.contents.put(b"")
    del checker.contents.by_sha256[gone]  # its check fails
    await checker.scheduler().step()
    for upload in uploads:
        result = await _result(checker, upload)
        assert result.metadata.correlation_id == upload.metadata.correlation_id
        assert result.metadata.causation_id == upload.event_id
        assert result.metadata.user_id == upload.metadata.user_id
        assert result.metadata.traceparent is not None
        assert result.metadata.traceparent.split("-")[1] == TRACE
        assert to_envelope(result).correlationid == upload.metadata.correlation_id


async def test_a_version_without_a_stored_cause_is_checked(
    checker: CheckerHarness,
) -> None:
    upload = await _upload(checker, ANN, UNTIDY, "b7ad6b7169203331")
    async with checker.database.transaction() as connection:
        nothing = "correlation_id = NULL, causation_id = NULL, traceparent = NULL"
        await connection.execute(text(f"UPDATE versions SET {nothing}"))
    await checker.scheduler().step()
    metadata = (await _result(checker, upload)).metadata
    assert metadata.correlation_id is not None  # that of the run
    assert (metadata.causation_id, metadata.user_id) == (None, ANN)
