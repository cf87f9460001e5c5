"""The public API, `/api/v1`."""

from services.gateway.api import (
    accounts,
    checks,
    events,
    file_changes,
    files,
    passwords,
    second_factor,
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
        second_factor,
        tokens,
        files,
        file_changes,
        versions,
        checks,
        events,
    )
]
