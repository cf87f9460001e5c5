"""Reads forms, and leads on to the next page."""

import re
from urllib.parse import parse_qs, quote, urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse

from services.gateway.errors import TooManyParts, UnsupportedMediaType
from services.gateway.i18n.language import N_
from shared.errors import Invalid
from shared.web.routes import Router

MAX_FIELDS = 20
_NUMBER = re.compile("[1-9][0-9]{0,8}")

NOTICES = {
    "registered": N_(
        "We have sent you a mail. Please open its link: only then are results mailed to you."
        " You can log in already."
    ),
    "logged_out": N_("You are logged out."),
    "replaced": N_("The new version is here and will be checked."),
    "unchanged": N_("The file you sent is the same as the current version, so nothing changed."),
    "unchanged_text": N_("Nothing was changed, so there is no new version."),
    "restored": N_("The file is back, as it was when it was deleted."),
    "choose_two": N_("Choose two versions to compare."),
    "saved": N_("Saved."),
    "confirmed": N_("Your address is confirmed. Results are mailed to it from now on."),
    "new_address": N_("This is your address from now on. The former one was told."),
    "confirmation_sent": N_("The mail is on its way. Please open its link."),
    "email_asked": N_(
        "We have sent a mail to the new address. It counts once you have opened the link in it."
    ),
    "email_kept": N_("This is your address already, and it stays so."),
    "password_changed": N_("The password is changed, and every other session has ended."),
    "password_reset": N_("The new password holds. Log in with it; all sessions have ended."),
    "session_ended": N_("That session has ended."),
    "sessions_ended": N_("All other sessions have ended."),
    "second_factor_off": N_("The second factor is off: the password alone logs in."),
    "token_revoked": N_("The token is revoked. Within a minute it is refused everywhere."),
    "erased": N_("Your account is erased. Thank you for having been here."),
    "deleted": N_("The file is deleted. Its reports stay in the check log."),
}
"""What a page may be asked to say at its top, by the word in its address."""


async def fields(request: Request, *names: str) -> list[str]:
    """Values of text fields; one that is missing counts as empty."""
    form = await _form(request)
    return [form.get(name, [""])[-1] for name in names]


async def chosen(request: Request, name: str) -> list[str]:
    """Values of the checkboxes of one name that are ticked."""
    form = await _form(request)
    return form.get(name, [])


async def _form(request: Request) -> dict[str, list[str]]:
    """The fields, read once, as browsers send them where no file comes along.

    Raises `UnsupportedMediaType` for all others, `TooManyParts`, `Invalid` for what is not UTF-8.
    """
    if not hasattr(request.state, "form"):
        if not _is_form(request):
            raise UnsupportedMediaType
        request.state.form = _parsed(await request.body())
    form: dict[str, list[str]] = request.state.form
    return form


def _parsed(body: bytes) -> dict[str, list[str]]:
    if body.count(b"&") >= MAX_FIELDS:
        raise TooManyParts
    try:
        return parse_qs(body.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise Invalid from None


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    packed = request.headers.get("content-encoding", "identity") != "identity"
    return kind == "application/x-www-form-urlencoded" and not packed


def number(text: str) -> int:
    """A version's number out of a hidden field; raises `Invalid` for anything else."""
    if not _NUMBER.fullmatch(text):
        raise Invalid
    return int(text)


def lead_back(router: Router, path: str, page: str) -> None:
    """Lead whoever opens the address of a form that only takes POST to the page it stands on.

    A refused form is shown under its own address: people reload it, keep it, and come back to it.
    """

    @router.get(path)
    async def open_page(request: Request) -> RedirectResponse:
        parts = {name: quote(str(part), safe="") for name, part in request.path_params.items()}
        return go(page.format(**parts))


def go(path: str, **query: object) -> RedirectResponse:
    """After a POST: see the page at `path` (303)."""
    asked = urlencode({name: value for name, value in query.items() if value})
    return RedirectResponse(f"{path}?{asked}" if asked else path, 303)
