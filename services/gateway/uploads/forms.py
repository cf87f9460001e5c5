"""Uploaded files of forms, streamed up to a size limit."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fastapi import Request

from services.gateway.errors import FileNameMissing, FileTooLarge, UploadInvalid
from services.gateway.uploads.multipart import Form, Part

MAX_BODY = 256 * 1024 * 1024  # bytes of a request; most of it is streamed
MAX_FIELD = 10_000  # bytes of a text field by default


@dataclass(frozen=True)
class Upload:
    """A file while it is received; `content` can be read once.

    `replaces`: the checkbox `replace` before it was ticked. `too_many`: it exceeds the number of
    files of a form.
    """

    name: str
    content: AsyncIterator[bytes]
    replaces: bool = False
    too_many: bool = False


@dataclass
class FormData:
    """A form in memory: text fields and files, and the names of files."""

    fields: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A text field; empty if missing. Raises `UploadInvalid` if it is not UTF-8."""
        try:
            return self.fields.get(name, b"").decode()
        except UnicodeDecodeError:
            raise UploadInvalid from None


async def only_file(request: Request, max_file_bytes: int) -> Upload:
    """The part `file` of an API upload, which may have no other parts."""
    form = Form(request)
    part = await form.next_part()
    if part is None or part.field_name != "file":
        raise UploadInvalid
    if not part.filename:
        raise FileNameMissing
    return Upload(part.filename, _sole(form, max_file_bytes))


async def each_file(request: Request, max_file_bytes: int, max_files: int) -> AsyncIterator[Upload]:
    """The files of a form, one after the other; an empty file input is skipped.

    The content of a file above the limit raises `FileTooLarge`; the next files can still be read.
    """
    form, count, replaces = Form(request), 0, False
    while part := await form.next_part():
        if part.field_name == "replace" and part.filename is None:
            pieces = [piece async for piece in _limited(form.content(), MAX_FIELD)]
            replaces = b"".join(pieces) == b"yes"
            continue
        limit = MAX_FIELD if part.filename is None else max_file_bytes
        content = _limited(form.content(), limit)
        if not part.filename and not await anext(content, b""):
            continue
        count += 1
        yield Upload(part.filename or "", content, replaces, count > max_files)


async def read_form(request: Request, **limits: int) -> FormData:
    """Read a whole form into memory, so that a page can show it again after an error.

    `limits` are the sizes of larger fields in bytes. If a field is too large, the form is still
    read to its end: a browser shows a response only after it has sent everything.
    """
    form, sent, refused = Form(request), FormData(), None
    while part := await form.next_part():
        if part.field_name in sent.fields:
            raise UploadInvalid
        try:
            limit = limits.get(part.field_name, MAX_FIELD)
            pieces = [piece async for piece in _limited(form.content(), limit)]
        except FileTooLarge as error:
            refused = error
            continue
        _add(sent, part, b"".join(pieces))
    if refused:
        raise refused
    return sent


def _add(sent: FormData, part: Part, content: bytes) -> None:
    sent.fields[part.field_name] = content
    if part.filename:
        sent.names[part.field_name] = part.filename


async def _sole(form: Form, limit: int) -> AsyncIterator[bytes]:
    """The content of the form's only part; raises `UploadInvalid` if another part follows."""
    async for piece in _limited(form.content(), limit):
        yield piece
    if await form.next_part() is not None:
        raise UploadInvalid


async def _limited(content: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in content:
        size += len(piece)
        if size > limit:
            raise FileTooLarge(limit=limit)
        yield piece
