"""The list of files, and what can be done with one."""

from services.gateway.web.files import (
    delete,
    diff,
    download,
    edit,
    file_list,
    history,
    replace,
)

ROUTERS = [
    screen.router
    for screen in (
        file_list,
        history,
        replace,
        delete,
        diff,
        download,
        edit,
    )
]
