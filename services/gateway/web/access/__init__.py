"""Registration, login, mailed links, forgotten passwords."""

from services.gateway.web.access import (
    confirmation,
    language,
    login,
    login_link,
    passwords,
    registration,
)

ROUTERS = [
    screen.router
    for screen in (
        login,
        login_link,
        registration,
        passwords,
        confirmation,
        language,
    )
]
