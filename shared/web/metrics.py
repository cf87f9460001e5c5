"""Figures for Prometheus, one registry per program."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

Ask = Callable[[], Awaitable[float]]
"""Asks for a figure when somebody wants to see it."""


class Metrics:
    """What is measured."""

    def __init__(self, asked: Mapping[tuple[str, str], Ask] | None = None) -> None:
        """Take how to ask for figures that are not counted here, by name and description."""
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "prereview_http_request_seconds",
            "Seconds from a request to its answer",
            ["method", "route", "status"],
            registry=self.registry,
        )

        self._asked = {
            Gauge(name, description, registry=self.registry): ask
            for (name, description), ask in (asked or {}).items()
        }

    async def ask(self) -> None:
        """Bring the figures that are asked for up to date; NaN where there is no answer."""
        for gauge, ask in self._asked.items():
            try:
                async with asyncio.timeout(5):
                    gauge.set(await ask())
            except Exception:  # noqa: BLE001 - the other figures are wanted all the more
                gauge.set(math.nan)

    def text(self) -> bytes:
        return generate_latest(self.registry)
