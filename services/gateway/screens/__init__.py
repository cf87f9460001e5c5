"""The screens, one module each."""

from services.gateway.screens import (
    change,
    checks,
    delete,
    download,
    events,
    file,
    files,
    language,
    login,
    registration,
    report,
)

ROUTERS = [
    screen.router
    for screen in (
        login,
        registration,
        language,
        files,
        file,
        change,
        delete,
        download,
        report,
        checks,
        events,
    )
]
