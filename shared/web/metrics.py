"""Figures for Prometheus, one registry per program."""

from prometheus_client import CollectorRegistry, Histogram, generate_latest


class Metrics:
    """What is measured."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "prereview_http_request_seconds",
            "Seconds from a request to its answer",
            ["method", "route", "status"],
            registry=self.registry,
        )

    def text(self) -> bytes:
        return generate_latest(self.registry)
