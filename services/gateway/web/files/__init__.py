"""The list of files, and the pages of a file."""

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
