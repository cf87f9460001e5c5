"""Structured logs: one line per decision, the correlation id on each, no secrets, no addresses."""

import logging
import sys
from typing import Any

import structlog

from shared.context import correlation_id

log: Any = structlog.get_logger()


def configure(service: str, level: str = "INFO", style: str = "json") -> None:
    """Send every log line of the program to stdout, as JSON or (`console`) for reading."""
    add = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _context(service),
        structlog.processors.format_exc_info,
    ]
    renderer = (
        structlog.dev.ConsoleRenderer(colors=False)
        if style == "console"
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *add, renderer],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Foreign(add, renderer))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("httpx2", "httpcore2", "aiormq", "aio_pika", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _Foreign(logging.Formatter):
    """Lines of libraries, in the same shape; ours pass, for they are rendered already."""

    def __init__(self, add: list[Any], renderer: Any) -> None:
        super().__init__()
        self._add, self._renderer = add, renderer

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.name in {"shared.logging", "root"} or message.startswith("{"):
            return message
        event: dict[str, Any] = {"event": message, "logger": record.name}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        name = record.levelname.lower()
        for processor in self._add:
            event = dict(processor(None, name, event))
        return str(self._renderer(None, name, event))


def _context(service: str) -> Any:
    def add(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event["service"] = service
        if (correlation := correlation_id.get()) is not None:
            event["correlation_id"] = str(correlation)
        return event

    return add
