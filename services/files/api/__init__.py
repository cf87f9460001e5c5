"""The internal API of files, a router per resource. A body is a file; its name is in the query."""

from services.files.api import contents, diffs, files, limits, versions

ROUTERS = [module.router for module in (files, versions, diffs, contents, limits)]
