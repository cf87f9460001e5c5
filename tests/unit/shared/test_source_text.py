"""Python source as text, for every service the same."""

import pytest

from shared.source_text import decode, decode_or_replace, encoding_of


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        ("x = 'привет'".encode(), "x = 'привет'"),
        (b"\xef\xbb\xbfx", "x"),
        ("# coding: cp1251\n# привет".encode("cp1251"), "# coding: cp1251\n# привет"),
        ("#!\r# coding: koi8-r\r# привет".encode("koi8-r"), "#!\r# coding: koi8-r\r# привет"),
        (b"# a\r# b\r# coding: nonsense", "# a\r# b\r# coding: nonsense"),
        (b"a\r\nb\rc\n\x0c\xe2\x80\xa8", "a\r\nb\rc\n\x0c\u2028"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_text_is_read_as_it_declares(content: bytes, text: str) -> None:
    assert decode(content) == decode_or_replace(content) == text


CODECS = """
nonsense rot13 utf-7 utf-16 base64 zip idna punycode unicode_escape raw_unicode_escape hz cp037
undefined
"""
UNREADABLE = [
    b"\xff",
    b"# coding: ascii\n\xe9",
    b"# coding: " + b"x" * 10_000,
    *(f"# coding: {name}\nx = 1\n".encode() for name in CODECS.split()),
]


@pytest.mark.parametrize("content", UNREADABLE, ids=lambda content: repr(content[:30]))
def test_what_can_not_be_read_as_declared(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whose words differ
        decode(content)
    assert decode_or_replace(content) == content.decode("utf-8", "replace")


def test_the_encoding_has_a_name() -> None:
    assert encoding_of(b"x") == "utf-8"
    assert encoding_of(b"\xef\xbb\xbfx") == "utf-8-sig"
    assert encoding_of(b"# coding: latin-1") == "iso-8859-1"
