"""What routes ask for by type."""

from typing import Annotated

from services.gateway import callers, clients, colouring, cookies, pages, sessions, settings
from shared.web.app import provided

Auth = Annotated[clients.Auth, provided(clients.Auth)]
Files = Annotated[clients.Files, provided(clients.Files)]
Checker = Annotated[clients.Checker, provided(clients.Checker)]
Reports = Annotated[clients.Reports, provided(clients.Reports)]
Callers = Annotated[callers.Callers, provided(callers.Callers)]
Colouring = Annotated[colouring.Colouring, provided(colouring.Colouring)]
Cookies = Annotated[cookies.Cookies, provided(cookies.Cookies)]
Pages = Annotated[pages.Pages, provided(pages.Pages)]
Sessions = Annotated[sessions.Sessions, provided(sessions.Sessions)]
Settings = Annotated[settings.Settings, provided(settings.Settings)]
