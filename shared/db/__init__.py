"""Postgres: the only place that opens connections and commits transactions."""

from shared.db.connection_errors import (
    DatabaseRefusesWrites,
    DatabaseUnavailable,
    is_unavailable,
    refuses_writes,
    sqlstate_of,
    translate_connection_errors,
)
from shared.db.database import Database

__all__ = [
    "Database",
    "DatabaseRefusesWrites",
    "DatabaseUnavailable",
    "is_unavailable",
    "refuses_writes",
    "sqlstate_of",
    "translate_connection_errors",
]
