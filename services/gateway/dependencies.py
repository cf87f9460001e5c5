"""The dependencies of routes."""

from typing import Annotated

from services.gateway import clients, settings
from services.gateway.identity import client_info, cookies, sessions
from services.gateway.source_view import highlighting
from shared.web.app import provided

Auth = Annotated[clients.AuthClient, provided(clients.AuthClient)]
Files = Annotated[clients.FilesClient, provided(clients.FilesClient)]
Checker = Annotated[clients.CheckerClient, provided(clients.CheckerClient)]
Reports = Annotated[clients.ReportsClient, provided(clients.ReportsClient)]
ClientInfos = Annotated[client_info.ClientInfoReader, provided(client_info.ClientInfoReader)]
Highlighter = Annotated[highlighting.SourceHighlighter, provided(highlighting.SourceHighlighter)]
Cookies = Annotated[cookies.Cookies, provided(cookies.Cookies)]
Sessions = Annotated[sessions.Sessions, provided(sessions.Sessions)]
Settings = Annotated[settings.Settings, provided(settings.Settings)]
