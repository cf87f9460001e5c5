"""Title and introduction of the OpenAPI document."""

from fastapi import FastAPI

_ABOUT = (
    "Upload Python files, have them checked on a schedule, read the reports. "
    "Errors are problems (RFC 9457) with a stable `code` and the `request_id`. "
    "503 means that nothing was done; 504 means that the outcome is unknown: check before you"
    " repeat the request. "
    "An API token (`prv_…`) is limited to its scopes: `files:read` reads files, versions,"
    " diffs and limits; `files:write` changes files; `checks:read` reads verdicts,"
    " reports, the schedule and the event stream; `account` reads `/me`. Everything else needs the"
    " access token of a session."
)


def describe(app: FastAPI) -> None:
    app.title, app.version, app.description = "Prereview API", "v1", _ABOUT
