"""Reads forms, and leads on to the next page."""

from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse

from services.gateway.i18n.language import N_

MAX_FIELDS = 20

NOTICES = {
    "registered": N_(
        "You can log in now. If this address had an account before, its old password still holds."
    ),
    "logged_out": N_("You are logged out."),
    "replaced": N_("The new version is here and will be checked."),
    "unchanged": N_("The file you sent is the same as the current version, so nothing changed."),
    "deleted": N_("The file is deleted. Its reports stay in the check log."),
}
"""What a page may be asked to say at its top, by the word in its address."""


async def fields(request: Request, *names: str) -> list[str]:
    """Values of text fields; one that is missing, or a file, counts as empty."""
    form = await request.form(max_fields=MAX_FIELDS, max_files=0)
    found = [form.get(name) for name in names]
    return [value if isinstance(value, str) else "" for value in found]


def go(path: str, **query: object) -> RedirectResponse:
    """After a POST: see the page at `path` (303)."""
    asked = urlencode({name: value for name, value in query.items() if value})
    return RedirectResponse(f"{path}?{asked}" if asked else path, 303)
