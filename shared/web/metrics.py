"""Prometheus metrics, with a registry per application."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

Measure = Callable[[], Awaitable[float]]
"""Measures a gauge when `/metrics` is requested."""


class Metrics:
    """The metrics of a service."""

    def __init__(self, gauges: Mapping[tuple[str, str], Measure] | None = None) -> None:
        """`gauges` are measured on request, by name and description."""
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "prereview_http_request_seconds",
            "Seconds from a request to its answer",
            ["method", "route", "status"],
            registry=self.registry,
        )

        self._gauges = {
            Gauge(name, description, registry=self.registry): measure
            for (name, description), measure in (gauges or {}).items()
        }

    async def measure(self) -> None:
        """Update the gauges; NaN if a measurement fails."""
        for gauge, measure in self._gauges.items():
            try:
                async with asyncio.timeout(5):
                    gauge.set(await measure())
            except Exception:  # noqa: BLE001 - the other metrics are still served
                gauge.set(math.nan)

    def text(self) -> bytes:
        return generate_latest(self.registry)
