"""One trace from the request to the reaction on its event."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.eventsourcing.event import Metadata
from shared.eventsourcing.store import metadata_of
from shared.messaging.envelope import read_envelope, to_message
from shared.telemetry import continued, linked, traceparent
from shared.web.client import call_headers
from tests.support.events import ANN, recorded, uploaded

EXPORTER = InMemorySpanExporter()


@pytest.fixture(scope="module")
def tracer() -> trace.Tracer:
    """The process has one provider; this is the only module that sets it."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
    trace.set_tracer_provider(provider)
    return provider.get_tracer("tests")


@pytest.fixture(autouse=True)
def _nothing_exported() -> Iterator[None]:
    EXPORTER.clear()
    yield
    EXPORTER.clear()


def test_without_a_span_nothing_is_carried() -> None:
    assert traceparent() is None
    assert "traceparent" not in call_headers("token")


def test_a_reaction_belongs_to_the_trace_of_the_request(tracer: trace.Tracer) -> None:
    with tracer.start_as_current_span("upload") as upload:
        metadata = metadata_of(uploaded(ANN))
    assert metadata.traceparent is not None

    event = recorded(uploaded(ANN))
    message = to_message(type(event)(**{**vars(event), "metadata": metadata}))
    envelope = read_envelope(message.body, message.content_type)
    with continued(envelope.traceparent, "reaction"):
        pass

    reaction = EXPORTER.get_finished_spans()[-1]
    assert reaction.name == "reaction"
    assert reaction.context is not None
    assert reaction.context.trace_id == upload.get_span_context().trace_id
    assert reaction.parent is not None
    assert reaction.parent.span_id == upload.get_span_context().span_id


def test_a_call_carries_the_trace(tracer: trace.Tracer) -> None:
    with tracer.start_as_current_span("check"):
        assert call_headers("token")["traceparent"] == traceparent()


def test_a_reaction_without_a_trace_begins_its_own(tracer: trace.Tracer) -> None:
    with continued(Metadata().traceparent, "reaction"):
        assert traceparent() is not None
    assert EXPORTER.get_finished_spans()[-1].parent is None


def test_the_reaction_to_a_set_is_linked_to_each_of_its_traces(tracer: trace.Tracer) -> None:
    parents: list[str | None] = [None]
    for name in ("one upload", "another"):
        with tracer.start_as_current_span(name):
            parents.append(traceparent())
    with linked([*parents, "garbage"], "reaction"):
        pass
    reaction = EXPORTER.get_finished_spans()[-1]
    assert reaction.parent is None
    traces = [f"{link.context.trace_id:032x}" for link in reaction.links]
    assert traces == [parent.split("-")[1] for parent in parents if parent]
