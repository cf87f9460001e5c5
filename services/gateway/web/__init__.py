"""The screens, one module each."""

from services.gateway.web import api_docs
from services.gateway.web.access import ROUTERS as ACCESS
from services.gateway.web.account import ROUTERS as ACCOUNT
from services.gateway.web.checks import ROUTERS as CHECKS
from services.gateway.web.files import ROUTERS as FILES

ROUTERS = [*ACCESS, *ACCOUNT, *FILES, *CHECKS, api_docs.router]
