"""OpenTelemetry, where `PREREVIEW_OTLP_ENDPOINT` names a collector; silent and free where not.

FastAPI makes the spans of requests by itself. Trace context travels through events: the envelope
carries `traceparent`, and a reaction is a child of the request that led to it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.propagate import extract, inject


def configure(service: str, endpoint: str) -> None:
    """Send spans to an OTLP/HTTP collector. Needs the dependency set `telemetry`."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": f"prereview-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    trace.set_tracer_provider(provider)


def traceparent() -> str | None:
    """The current span as a W3C `traceparent`, or None outside a trace."""
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued(parent: str | None, name: str) -> Iterator[None]:
    """A span below one that was written down as `traceparent`."""
    context = extract({"traceparent": parent}) if parent else None
    with trace.get_tracer("prereview").start_as_current_span(name, context=context):
        yield


@contextmanager
def linked(parents: Iterable[str | None], name: str) -> Iterator[None]:
    """A span of its own for what belongs to several traces at once, with a link to each."""
    contexts = [
        trace.get_current_span(extract({"traceparent": parent})).get_span_context()
        for parent in dict.fromkeys(parents)
        if parent
    ]
    links = [trace.Link(context) for context in contexts if context.is_valid]
    with trace.get_tracer("prereview").start_as_current_span(name, links=links):
        yield
