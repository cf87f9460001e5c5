# ruff: noqa: RUF001 - names in many scripts
"""The one rule for file names, against what people and machines send."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.files.domain.names import MAX_NAME, FileNameInvalid, NotPython, check_name
from shared.errors import Invalid
from shared.file_names import MAX_BYTES
from shared.join_controls import without_join_controls


@pytest.mark.parametrize(
    "name",
    [
        "main.py",
        "__init__.py",
        "a b.py",
        "Ünïcode.py",
        "отчёт.py",
        "数据.py",
        "naïve café.py",
        "semi;colon, 'quotes' & (brackets).py",
        "100%.py",
        "%s.py",
        "%00.py",
        "{{7+7}}.py",
        "${HOME}.py",
        "`id`.py",
        "a.b.c.py",
        "archive.tar.py",
        "~root.py",
        "x" * 97 + ".py",
        "😀.py",
        "я" * 97 + ".py",
        "数" * 84 + ".py",  # 255 bytes
        "می\u200cخواهم.py",
        "क्\u200dष.py",
        "ශ්\u200dරී.py",
    ],
)
def test_names_people_give_are_kept(name: str) -> None:
    assert check_name(name) == name


def test_one_name_has_one_spelling() -> None:
    composed, decomposed = "caf\u00e9.py", "cafe\u0301.py"
    assert composed != decomposed
    assert check_name(composed) == check_name(decomposed) == composed


def test_the_length_is_that_of_the_one_spelling() -> None:
    assert len(check_name("e\u0301" * 97 + ".py")) == 100  # 197 as it came
    with pytest.raises(FileNameInvalid):
        check_name("\u0958" * 60 + ".py")  # 63 as it came


@pytest.mark.parametrize(
    "name",
    [
        "",
        "main",
        "py",
        "a.PY",
        "a.Py",
        "a.pY",
        "a.py.exe",
        "a.py.py",
        "a.PY.py",
        "a.py ",
        "a.py.",
        "a.py/",
        "a.py\\",
        "a.py\0",
        "a.py\n",
        "a.py\0.txt",
        "a.pyw",
        "a.pyc",
        "a.p\u0443",
        "a.py::$DATA",
        "a.py\u202e",
        "README",
    ],
)
def test_what_does_not_end_like_python_is_not_python(name: str) -> None:
    with pytest.raises(NotPython):
        check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        ".py",
        "..py",
        ".hidden.py",
        "../../etc/passwd.py",
        "..\\..\\windows\\x.py",
        "/etc/x.py",
        "C:\\x.py",
        "C:x.py",
        "a<b.py",
        "\\\\server\\share\\x.py",
        "dir/x.py",
        "a\0b.py",
        "\0.py",
        "a\n.py",
        "a\r\nBcc: x.py",
        "a\tb.py",
        "a\x7f.py",
        "a\x85.py",
        "a\u2028b.py",
        "a\u2029b.py",
        "a\u200bb.py",
        "a\u200db.py",
        "\ufeffa.py",
        "a\u202egnp.py",
        "a\u2066b.py",
        "a\ud800b.py",
        "-rf.py",
        "--config=x.py",
        " a.py",
        "a .py",
        " .py",
        "<script>alert(1)</script>.py",
        "a>b.py",
        'a"b.py',
        "a|b.py",
        "a?b.py",
        "a*b.py",
        "{{7*7}}.py",
        "a=b.py",
        "=?utf-8?q?=0D=0ABcc=3A_x=40y.z?=.py",
        "=cmd|'/c calc'!A1.py",
        "数" * 85 + ".py",  # 258 bytes
        "😀" * 64 + ".py",
        "क\u0947" * 48 + ".py",
        "می\u200c.py",
        "\u200cمی.py",
        "👩\u200d💻.py",
        "x" * 98 + ".py",
        "x" * 297 + ".py",
        "x" * 9000 + ".py",
    ],
)
def test_names_that_could_hurt_somebody_are_refused(name: str) -> None:
    with pytest.raises(FileNameInvalid) as caught:
        check_name(name)
    assert "At most 100 characters and 255 bytes in UTF-8" in str(caught.value)


_JOINED = st.text(st.sampled_from("\u200c\u200dمیक्षa1 "), max_size=12).map("{}.py".format)


@given(st.text(max_size=120).map(lambda stem: stem + ".py") | st.text(max_size=20) | _JOINED)
def test_whatever_passes_is_harmless(raw: str) -> None:
    try:
        name = check_name(raw)
    except Invalid:
        return
    assert name == unicodedata.normalize("NFC", name) == check_name(name)
    assert 4 <= len(name) <= MAX_NAME
    assert len(name.encode()) <= MAX_BYTES
    name = without_join_controls(name)
    assert name.isprintable() or " " in name or any(map(_is_odd_space, name)) or _unassigned(name)
    assert not set(name) & set('/\\:*?"<>|=\0\r\n')
    assert name[0] not in ".- "
    name.encode("utf-8")


def _is_odd_space(character: str) -> bool:
    return unicodedata.category(character) == "Zs"


def _unassigned(name: str) -> bool:
    return any(unicodedata.category(character) in {"Cn", "Co"} for character in name)
