"""The pages of the account."""

from services.gateway.web.account import (
    api_tokens,
    data,
    preferences,
    second_factor,
    security_log,
    sessions,
)

ROUTERS = [
    screen.router
    for screen in (
        preferences,
        sessions,
        second_factor,
        api_tokens,
        security_log,
        data,
    )
]
