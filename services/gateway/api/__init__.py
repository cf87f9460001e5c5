"""The public API, `/api/v1`."""

from services.gateway.api import (
    accounts,
    checks,
    docs,
    events,
    file_changes,
    files,
    passwords,
    sessions,
    tokens,
    versions,
)

ROUTERS = [
    module.router
    for module in (
        sessions,
        accounts,
        passwords,
        tokens,
        files,
        file_changes,
        versions,
        checks,
        events,
        docs,
    )
]
