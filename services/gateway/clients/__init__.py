"""Clients of the services' internal APIs."""

from services.gateway.clients.auth import AuthClient
from services.gateway.clients.checker import CheckerClient
from services.gateway.clients.files import Content, FilesClient
from services.gateway.clients.reports import FileFilters, ReportsClient

__all__ = [
    "AuthClient",
    "CheckerClient",
    "Content",
    "FileFilters",
    "FilesClient",
    "ReportsClient",
]
