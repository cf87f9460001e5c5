"""The internal API of auth, a router per topic."""

from services.auth.api import (
    account,
    confirmations,
    data,
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
        login,
        sessions,
        tokens,
        account,
        passwords,
        data,
        mails,
    )
]
