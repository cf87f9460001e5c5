"""The internal API of auth, a router per topic."""

from services.auth.api import (
    account,
    confirmations,
    data,
    links,
    login,
    mails,
    passwords,
    registration,
    second_factor,
    sessions,
    tokens,
)

ROUTERS = [
    module.router
    for module in (
        registration,
        confirmations,
        links,
        login,
        sessions,
        tokens,
        account,
        passwords,
        second_factor,
        data,
        mails,
    )
]
