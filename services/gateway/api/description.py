"""What the description of the API says of it as a whole."""

from fastapi import FastAPI

_ABOUT = (
    "Upload Python files, have them checked on a schedule, read the reports. "
    "Errors are problems (RFC 9457) with a stable `code` and the `request_id`. "
    "503 says that nothing was done; 504 that nobody can tell, so look before you repeat it. "
    "An API token (`prv_…`) is limited to its scopes: `files:read` reads files, versions,"
    " differences and limits; `files:write` changes files; `checks:read` reads verdicts,"
    " reports, the schedule and the news; `account` reads `/me`. All else is for sessions."
)


def describe(app: FastAPI) -> None:
    app.title, app.version, app.description = "Prereview API", "v1", _ABOUT
