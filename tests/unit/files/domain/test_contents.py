"""What is the text of a Python file, and what only pretends to be."""

import gzip
import io
import zipfile

import pytest

from services.files.domain.contents import EncodingUnknown, NotText, NotUtf8, check_text
from shared.errors import Invalid


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py"), "print()")
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"print('hello')\n",
        "# привет\n".encode(),
        b"\xef\xbb\xbfprint()\n",
        b"\xef\xbb\xbf# coding: utf-8\nprint()\n",
        "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"),
        "# -*- coding: cp1251 -*-\nx = 'привет'\n".encode("cp1251"),
        "#!/usr/bin/python\n# vim: set fileencoding=koi8-r :\nx = 'привет'\n".encode("koi8-r"),
        b"# coding: ascii\nx = 1\n",
        "# 1\r# coding: cp1251\rx = 'привет'".encode("cp1251"),
        b"# 1\r# 2\r# coding: nonsense",
        b"# coding: shift_jis\nx = '\x82\xa0'\n",
        b"x = 1\r\ny = 2\rz = 3\n",
        b"x = 1\x0c\ny = 2\n",
        "x = '\u2028'\n".encode(),
        b"print 'python 2'\n",
        b"x = 1;" * 100_000,
        b"x = '" + b"y" * 1_000_000 + b"'",
    ],
    ids=lambda content: repr(content[:30]),
)
def test_text_that_python_could_read_is_taken(content: bytes) -> None:
    check_text(content)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"x = 1\0", NotText),
        (b"\0", NotText),
        (b"\x7fELF\x02\x01\x01\0\0\0", NotText),
        (_zip(), NotText),
        (gzip.compress(b"print()\n" * 50, mtime=0), NotText),
        (b"\xfd\x07 random", NotText),
        (b"\x1f\x8b" + bytes(range(128, 256)), NotText),
        (bytes(range(128, 256)) * 4, NotUtf8),
        ("print()".encode("utf-16"), NotUtf8),
        ("print()".encode("utf-16-le"), NotText),
        ("print()".encode("utf-32"), NotUtf8),
        (b"\xff\xfe", NotUtf8),
        ("# привет".encode("cp1251"), NotUtf8),
        (b"# coding: rot13\ncevag()\n", EncodingUnknown),
        (b"# coding: utf-7\nprint()\n", EncodingUnknown),
        (b"# coding: utf-16\nprint()\n", EncodingUnknown),
        (b"# coding: base64\nprint()\n", EncodingUnknown),
        (b"# coding: zip\nprint()\n", EncodingUnknown),
        (b"# coding: punycode\nprint()\n", EncodingUnknown),
        (b"# coding: idna\nprint()\n", EncodingUnknown),
        (b"# coding: raw_unicode_escape\nx = '\\u0041'\n", EncodingUnknown),
        (b"# coding: unicode_escape\nx = '\\x41'\n", EncodingUnknown),
        (b"# coding: nonsense\nprint()\n", EncodingUnknown),
        (b"# coding: ../../etc/passwd\nprint()\n", EncodingUnknown),
        (b"# coding: " + b"x" * 10_000 + b"\n", EncodingUnknown),
        (b"# coding: ascii\nx = '\xe9'\n", EncodingUnknown),
        (b"# coding: utf-8\nx = '\xff'\n", EncodingUnknown),
        (b"\xef\xbb\xbf# coding: latin-1\n", EncodingUnknown),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else value.__name__,
)
def test_what_is_no_source_text_is_refused(content: bytes, error: type[Invalid]) -> None:
    with pytest.raises(Invalid) as caught:
        check_text(content)
    assert type(caught.value) is error
