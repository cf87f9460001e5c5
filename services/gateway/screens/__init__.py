"""The screens, one module each."""

from services.gateway.screens import (
    account,
    account_data,
    account_second_factor,
    account_security,
    account_sessions,
    account_tokens,
    change,
    checks,
    confirmation,
    delete,
    diff,
    download,
    edit,
    events,
    file,
    files,
    language,
    login,
    login_link,
    password,
    registration,
    report,
)

ROUTERS = [
    screen.router
    for screen in (
        login,
        login_link,
        registration,
        password,
        confirmation,
        language,
        account,
        account_sessions,
        account_second_factor,
        account_tokens,
        account_security,
        account_data,
        files,
        file,
        change,
        delete,
        diff,
        download,
        edit,
        report,
        checks,
        events,
    )
]
