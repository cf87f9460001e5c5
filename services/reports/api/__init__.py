"""The internal API of reports, a router per resource. `after=<event id>` waits for that event."""

from services.reports.api import checks, feed, files, mails

ROUTERS = [module.router for module in (files, checks, mails, feed)]
