"""Reports of checks, the check log, live updates."""

from services.gateway.web.checks import (
    check_log,
    live_updates,
    report,
)

ROUTERS = [
    screen.router
    for screen in (
        report,
        check_log,
        live_updates,
    )
]
