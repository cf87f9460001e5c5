"""The internal API of files. Bytes travel as they are; names in the query."""

from services.files.api import asking, contents, saving
from shared.web.routes import Router

router = Router(prefix="/internal")
for routes in (saving.router, asking.router, contents.router):
    router.include_router(routes)
