"""The public API, `/api/v1`."""

from services.gateway.api import accounts, checks, docs, events, files

ROUTERS = [module.router for module in (accounts, files, checks, events, docs)]
