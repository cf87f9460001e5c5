"""Files out of forms: passed on while they come, each no further than the limit."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fastapi import Request

from services.gateway.errors import FileNameMissing, FileTooLarge, UploadInvalid
from services.gateway.uploads.multipart import Form, Part

MAX_BODY = 256 * 1024 * 1024  # bytes read of a request at most; what is kept is far less
MAX_FIELD = 10_000  # bytes of a part that is no file, unless said otherwise


@dataclass(frozen=True)
class Upload:
    """A file that is still arriving: its bytes can be taken once.

    `replaces` tells that the form's box `replace` was ticked before it, `too_many` that the form
    had as many files before it as it may.
    """

    name: str
    content: AsyncIterator[bytes]
    replaces: bool = False
    too_many: bool = False


@dataclass
class FormData:
    """A whole form: text fields and files, each file with its name."""

    fields: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A text field; a missing one is empty. Raises `UploadInvalid` for what is not UTF-8."""
        try:
            return self.fields.get(name, b"").decode()
        except UnicodeDecodeError:
            raise UploadInvalid from None


async def only_file(request: Request, max_file_bytes: int) -> Upload:
    """The one part of the form, called `file`, of the public API."""
    form = Form(request)
    part = await form.next_part()
    if part is None or part.field_name != "file":
        raise UploadInvalid
    if not part.filename:
        raise FileNameMissing
    return Upload(part.filename, _sole(form, max_file_bytes))


async def each_file(request: Request, max_file_bytes: int, max_files: int) -> AsyncIterator[Upload]:
    """The files of a form, one after the other; an empty choice is none.

    A file beyond the limit ends its own bytes with `FileTooLarge`, and the next ones follow.
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
    """A form that is kept whole, because it is shown again when it can't be carried out.

    `limits` are bytes of fields that may be larger than most. A form with too large a field is
    read to its end all the same, so that a browser has sent all and listens.
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
    """A part's bytes; they end well only when the whole form does, with nothing else in it."""
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
