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
        data,
        mails,
    )
]
