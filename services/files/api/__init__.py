"""The internal API of files. Bytes travel as they are; names in the query."""

from fastapi import APIRouter

from services.files.api import asking, contents, saving

router = APIRouter(prefix="/internal")
for routes in (saving.router, asking.router, contents.router):
    router.include_router(routes)
