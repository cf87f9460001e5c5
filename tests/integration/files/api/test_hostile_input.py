"""What people and machines throw at files: names, contents, requests.

What only the gateway sees is tested there: multipart names, `Content-Encoding`, slow bodies.
"""

import asyncio
import gzip
from collections.abc import Iterable
from random import Random

import httpx2
import pytest
from fastapi import FastAPI

from tests.integration.files.harness import LIMIT, Person
from tests.support.apps import as_service, client_of, in_pieces, is_problem
from tests.support.keys import Keys


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "not_python"),
        (".py", "file_name_invalid"),
        ("../../etc/passwd.py", "file_name_invalid"),
        ("..\\..\\windows\\x.py", "file_name_invalid"),
        ("/etc/x.py", "file_name_invalid"),
        ("C:\\x.py", "file_name_invalid"),
        ("a\0b.py", "file_name_invalid"),
        ("a.py\0", "not_python"),
        ("a.py%00", "not_python"),
        ("a.py/", "not_python"),
        ("a.py.", "not_python"),
        ("a.py ", "not_python"),
        ("a.PY", "not_python"),
        ("a.py.exe", "not_python"),
        ("a.py.py", "not_python"),
        ("a.py::$DATA", "not_python"),
        ("a\u202egnp.py", "file_name_invalid"),
        ("a\u200bb.py", "file_name_invalid"),
        ("a\u200db.py", "file_name_invalid"),
        ("👩\u200d💻.py", "file_name_invalid"),
        ("数" * 97 + ".py", "file_name_invalid"),
        ("-rf.py", "file_name_invalid"),
        ("a\n.py", "file_name_invalid"),
        ("a\u2028b.py", "file_name_invalid"),
        ("<script>alert(1)</script>.py", "file_name_invalid"),
        ("=?utf-8?q?=0D=0ABcc=3A_x=40y.z?=.py", "file_name_invalid"),
        ("=cmd|'/c calc'!A1.py", "file_name_invalid"),
        ("{{7*7}}.py", "file_name_invalid"),
        ("x" * 297 + ".py", "file_name_invalid"),
        ("x" * 9_000 + ".py", "file_name_invalid"),
        ("x" * 20_000 + ".py", "invalid"),
    ],
    ids=lambda value: repr(value[:24]),
)
async def test_names_that_are_none_are_refused_and_not_repeated(
    ann: Person, name: str, code: str
) -> None:
    file_id = await ann.new("fine.py")
    for answer in (await ann.upload(name), await ann.replace(file_id, b"y", name)):
        assert is_problem(answer, 422, code)
        assert len(name) < 6 or name not in answer.text
    assert (await ann.limits())["files"]["used"] == 1


@pytest.mark.parametrize(
    "name", ["%s.py", "%00.py", "{{7+7}}.py", "a;b 'c'.py", "отчёт.py", "😀.py"]
)
async def test_odd_names_that_hurt_nobody_are_kept(ann: Person, name: str) -> None:
    assert (await ann.get(await ann.new(name))).json()["name"] == name


async def test_a_name_that_is_missing_twice_or_not_utf_8(ann: Person) -> None:
    assert is_problem(await ann.http.post("/internal/files", content=b""), 422, "invalid")
    broken = await ann.http.post("/internal/files?name=%ff%fe.py", content=b"")
    assert broken.json()["name"] == "\ufffd\ufffd.py"  # replacement characters are characters
    twice = await ann.http.post("/internal/files?name=a.py&name=../b.py", content=b"")
    assert is_problem(twice, 422, "file_name_invalid")


TEXTS = {
    "empty": b"",
    "byte order mark": b"\xef\xbb\xbfx = 1\n",
    "latin-1": "# coding: latin-1\nx = 'é'\n".encode("latin-1"),
    "cp1251": "# coding: cp1251\nx = 'привет'\n".encode("cp1251"),
    "koi8-r": "# coding: koi8-r\nx = 'привет'\n".encode("koi8-r"),
    "koi8-r, lines end in CR": "# coding: koi8-r\rx = 'привет'\r".encode("koi8-r"),
    "line ends": b"a\r\nb\rc\n\x0cd\n",
    "U+2028": "x = '\u2028'\n".encode(),
    "10,000 terms": b"x = " + b"1 + " * 10_000 + b"1",
    "10,000 unary operators": b"x = " + b"-" * 10_000 + b"1",
    "20,000 brackets": b"(" * 20_000,
    "50,000 calls": b"f" + b"()" * 49_000,
    "semicolons": b"x = 1;" * 16_000,
    "decorators": b"@d\n" * 30_000 + b"def f(): ...",
    "noqa": b"# ruff: noqa\n# noqa: " + b"E501," * 10_000,
    "PEP 723": b"# /// script\n# [tool.ruff]\n# ///\n",
    "one line": b"x = '" + b"y" * (LIMIT - 6) + b"'",
    "Python 2": b"print 'x'\n",
}


@pytest.mark.parametrize("kind", TEXTS)
async def test_texts_are_taken_as_they_are(ann: Person, kind: str) -> None:
    file_id = await ann.new(content=TEXTS[kind])
    assert (await ann.get(file_id, "/content")).content == TEXTS[kind]
    [version] = (await ann.get(file_id, "/versions")).json()["versions"]
    assert version["lines_removed"] == 0
    assert (version["lines_added"] > 0) == bool(TEXTS[kind])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"x\0", "not_text"),
        (b"\x7fELF\0", "not_text"),
        (b"PK\x03\x04\x14\0", "not_text"),
        (gzip.compress(b"print()\n" * 50, mtime=0), "not_text"),
        (Random(7).randbytes(600).replace(b"\0", b""), "not_text"),
        ("x".encode("utf-16"), "not_utf8"),
        ("x".encode("utf-32"), "not_utf8"),
        ("# привет\n".encode("cp1251"), "not_utf8"),
        ("# привет\n".encode("koi8-r"), "not_utf8"),
        (b"# coding: rot13\n", "encoding_unknown"),
        (b"# coding: utf-7\n", "encoding_unknown"),
        (b"# coding: nonsense\n", "encoding_unknown"),
        (b"# coding: idna\n", "encoding_unknown"),
    ],
    ids=lambda value: repr(value[:20]),
)
async def test_what_is_no_text_is_refused(ann: Person, content: bytes, code: str) -> None:
    file_id = await ann.new()
    assert is_problem(await ann.upload("b.py", content), 422, code)
    assert is_problem(await ann.replace(file_id, content), 422, code)


async def test_the_limit_is_exact(ann: Person) -> None:
    assert (await ann.upload("fits.py", b"#" * LIMIT)).status_code == 201
    answer = await ann.upload("more.py", b"#" * (LIMIT + 1))
    assert is_problem(answer, 413, "file_too_large")
    assert answer.json()["params"] == {"limit": LIMIT}


@pytest.mark.parametrize("announced", [None, "10", "-1", "x", "1_0", "999999999999"])
async def test_reading_stops_at_the_limit_whatever_is_announced(
    ann: Person, announced: str | None
) -> None:
    sent = 0

    def pieces() -> Iterable[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 10_000
            yield b"#" * 10_000

    headers = {"Content_Length": announced} if announced else {}
    answer = await ann.upload("a.py", in_pieces(pieces()), **headers)
    assert answer.status_code == 413
    assert sent <= LIMIT + 20_000


@pytest.mark.parametrize("kind", ["text/html", "application/zip", "image/png", "nonsense", ""])
async def test_the_content_type_never_decides(ann: Person, kind: str) -> None:
    assert (await ann.upload("a.py", b"x = 1\n", Content_Type=kind)).status_code == 201
    assert is_problem(await ann.upload("b.py", b"\0", Content_Type=kind), 422, "not_text")


IDS = ["-1", str(2**63), str(10**22), "1_000", "NaN", "%00", "%ff", "..%2f", "x" * 5000]


@pytest.mark.parametrize("ident", IDS, ids=lambda ident: ident[:12])
async def test_ids_that_are_none_are_nowhere(ann: Person, ident: str) -> None:
    path = f"/internal/files/{ident}"
    answers = [
        await ann.http.get(path),
        await ann.http.get(f"{path}/content"),
        await ann.http.get(f"{path}/versions"),
        await ann.http.get(f"{path}/diff?from=1&to=2"),
        await ann.http.put(f"{path}/content?name=a.py", content=b""),
        await ann.http.delete(path),
        await ann.http.post(f"{path}/restore"),
    ]
    for answer in answers:
        assert answer.status_code in {404, 422}
        assert is_problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "version", ["-1", "1_0", " 1", "٣", "1.0", str(2**31), str(10**22), "9" * 5000, "NaN", ""]
)
async def test_versions_that_are_none_are_invalid(ann: Person, version: str) -> None:
    file_id = await ann.new()
    for answer in (
        await ann.get(file_id, "/content", version=version),
        await ann.replace(file_id, b"y", if_version=version),
        await ann.delete(file_id, if_version=version),
        await ann.get(file_id, "/versions", before=version),
        await ann.get(file_id, "/versions", limit=version),
        await ann.get(file_id, "/diff", from_=version, to=1),
    ):
        assert is_problem(answer, 422, "invalid")
    assert (await ann.get(file_id)).json()["version"] == 1


async def test_there_is_no_version_zero(ann: Person) -> None:
    file_id = await ann.new()
    for answer in (
        await ann.get(file_id, "/content", version=0),
        await ann.get(file_id, "/versions", before=0),
        await ann.get(file_id, "/diff", from_=0, to=1),
    ):
        assert is_problem(answer, 422, "invalid")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/internal/files"),
        ("PATCH", "/internal/files/{id}"),
        ("POST", "/internal/files/{id}/content"),
        ("DELETE", "/internal/files/{id}/versions"),
        ("PUT", "/internal/files/{id}/diff"),
        ("GET", "/internal/files/{id}/restore"),
        ("POST", "/internal/limits"),
    ],
)
async def test_a_wrong_method_is_not_allowed(ann: Person, method: str, path: str) -> None:
    path = path.format(id=await ann.new())
    assert is_problem(await ann.http.request(method, path), 405, "method_not_allowed")


async def test_too_many_headers_are_refused(ann: Person) -> None:
    answer = await ann.http.get("/internal/limits", headers={"X-Long": "x" * 100_000})
    assert is_problem(answer, 431, "headers_too_large")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"NaN",
        b'{"sha256": NaN}',
        b'{"sha256": 1e400}',
        b'{"sha256": "' + b"0" * 64 + b'"}',
        b'{"sha256": ["x"]}',
        b'{"sha256": ["' + b"A" * 64 + b'"]}',
        b'{"sha256": [null]}',
        b'{"sha256": ["\\u0000"]}',
        b'{"sha256": ["\\ud800"]}',
        b'{"sha256": ["\xff"]}',
        b'{"sha256": [' + b"1" * 5000 + b"]}",
        b'{"sha256": [1], "sha256": []}',
        b'{"sha256": [' + b",".join([b'"%064d"' % 0] * 501) + b"]}",
        b"[" * 60_000,
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_garbage_for_contents_is_invalid(app: FastAPI, keys: Keys, body: bytes) -> None:
    headers = as_service(keys, "checker", "files") | {"Content-Type": "application/json"}
    async with client_of(app, headers=headers) as checker:
        answer = await checker.post("/internal/contents", content=body)
        assert is_problem(answer, 422, "invalid")


@pytest.mark.parametrize("after", ["-1", "x", str(2**63), "1e400"])
async def test_garbage_as_a_position_is_invalid(app: FastAPI, keys: Keys, after: str) -> None:
    async with client_of(app, headers=as_service(keys, "reports", "files")) as reports:
        answer = await reports.get("/internal/events", params={"after": after})
        assert is_problem(answer, 422, "invalid")


async def test_five_hundred_requests_at_once(ann: Person) -> None:
    file_id = await ann.new()

    def request(number: int) -> "asyncio.Future[httpx2.Response]":
        if number % 10:
            return asyncio.ensure_future(ann.get(file_id, "/content"))
        return asyncio.ensure_future(ann.replace(file_id, f"# {number}\n".encode()))

    answers = await asyncio.gather(*map(request, range(500)))
    assert {answer.status_code for answer in answers} <= {200, 429, 503}
    assert sum(answer.status_code == 200 for answer in answers) > 50
