"""Text in a form and back: nothing but what was edited changes."""

import pytest

from services.gateway.errors import TextNotEncodable
from services.gateway.source_view import text_editing
from shared import source_text

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\r\n\r\n",
        b"x = 1",
        b"a\r\nb\nc\rd",
        b"a\r\r\n\nb",
        b"\n\nleading\n",
        BOM + b"x = 1\r\n",
        BOM,
        "# coding: cp1251\nx = 'привет'\r\n".encode("cp1251"),
        "# -*- coding: latin-1 -*-\rx = 'é'\r".encode("latin-1"),
        "s = '\u2028\x0c\x85'\n".encode(),
        b"\tif x:\n\t\tpass\n",
    ],
)
def test_text_that_is_not_edited_gives_the_same_bytes(content: bytes) -> None:
    text = text_editing.shown(content)
    assert text is not None
    assert "\r" not in text
    assert (
        text_editing.written(text.replace("\n", "\r\n"), content) == content
    )  # as browsers send it


@pytest.mark.parametrize(
    ("old", "text", "new"),
    [
        (b"a\r\nb\r\n", "a\nx\nb\n", b"a\r\nx\r\nb\r\n"),
        (b"a\rb\r", "a\rb\rc\r", b"a\rb\rc\r"),
        (b"a\nb\r\nc\r\n", "a\nB\nc\n", b"a\nB\r\nc\r\n"),
        (b"a\nb\r\nc\r\n", "a\nb\nc\nd\n", b"a\nb\r\nc\r\nd\r\n"),
        (b"a\r\nb", "b", b"b"),
        (b"a", "a\nb", b"a\nb"),
        (b"", "x\n", b"x\n"),
        (BOM + b"a\n", "b\n", BOM + b"b\n"),
    ],
)
def test_line_ends_stay_as_they_were(old: bytes, text: str, new: bytes) -> None:
    assert text_editing.written(text, old) == new


def test_the_text_is_written_in_the_encoding_it_declares() -> None:
    old = "# coding: cp1251\nx = 'п'\n".encode("cp1251")
    assert text_editing.written("# coding: cp1251\nx = 'я'\n", old).endswith(b"'\xff'\n")
    assert (
        text_editing.written("# coding: utf-8\nx = 'я'\n", old)
        == "# coding: utf-8\nx = 'я'\n".encode()
    )
    with pytest.raises(TextNotEncodable):
        text_editing.written("# coding: cp1251\nx = '€→'\n", old)
    assert (
        text_editing.written("# coding: rot13\n", old) == b"# coding: rot13\n"
    )  # files refuses it


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"# coding: rot13\n", b"# coding: utf-7\n", b"\x80"]
)
def test_what_is_no_text_is_not_shown(content: bytes) -> None:
    assert text_editing.shown(content) is None


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"", "lf"), (b"a\r\nb\r\n", "crlf"), (b"a\rb\r\nc\r", "cr"), (b"\xff\r\n", "crlf")],
)
def test_a_word_keeps_the_line_ends_of_what_was_sent(content: bytes, word: str) -> None:
    assert text_editing.sample(content) == word
    like = text_editing.like_sample(word, mark=True)
    assert (
        text_editing.written("a\nb", like) == BOM + b"a" + text_editing.ENDS[word].encode() + b"b"
    )


def test_nothing_but_line_ends_stays_as_it_was() -> None:
    text = "\r\n" * 500_000
    assert source_text.with_lf(text) == "\n" * 500_000
    assert text_editing.sample(text.encode()) == "crlf"
    assert text_editing.written(text, text.encode()) == text.encode()


def test_a_made_up_word_is_the_common_one() -> None:
    assert text_editing.like_sample("x", mark=False) == b"\n"
