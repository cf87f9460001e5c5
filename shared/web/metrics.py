"""Figures for Prometheus, one registry per program."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

Measure = Callable[[], Awaitable[float]]
"""Asks for a figure when somebody wants to see it."""


class Metrics:
    """What is measured."""

    def __init__(self, gauges: Mapping[tuple[str, str], Measure] | None = None) -> None:
        """Take how to ask for figures that are not counted here, by name and description."""
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
        """Bring the figures that are asked for up to date; NaN where there is no answer."""
        for gauge, measure in self._gauges.items():
            try:
                async with asyncio.timeout(5):
                    gauge.set(await measure())
            except Exception:  # noqa: BLE001 - the other figures are wanted all the more
                gauge.set(math.nan)

    def text(self) -> bytes:
        return generate_latest(self.registry)
