"""A file's content as a response."""

from fastapi import Response

from services.gateway.clients import Content
from services.gateway.http.content_disposition import attachment


def as_attachment(found: Content) -> Response:
    """A response that browsers save and never display."""
    headers = {
        "Content-Disposition": attachment(found.name),
        "X-File-Version": str(found.version),
    }
    return Response(found.content, media_type="application/octet-stream", headers=headers)
