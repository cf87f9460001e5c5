"""The product's main job, on real input: the standard library of the interpreter."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from ruff import find_ruff_bin

from services.checker.rules import STANDARD
from tests.e2e.conftest import Register
from tests.support.people import Person
from tests.support.product import Mail, Product
from tests.support.waiting import eventually

MODULES = [
    path for path in sorted(Path(os.__file__).parent.glob("*.py")) if path.stat().st_size < 300_000
][:60]
SHARE = len(MODULES) // 2
FINDING = tuple[str, int, int, int, int]


def by_the_command_line(path: Path, folder: Path) -> list[FINDING]:
    """What ruff itself says about a file, under a name that says nothing of its own."""
    path = Path(shutil.copy(path, folder / "module.py"))
    command = [find_ruff_bin(), "check", "--isolated", "--no-cache", "--output-format", "json"]
    rules = [f"--select={','.join(STANDARD.select)}", f"--ignore={','.join(STANDARD.ignore)}"]
    form = [f"--line-length={STANDARD.line_length}", f"--target-version={STANDARD.target_version}"]
    answer = subprocess.run([*command, *rules, *form, path], capture_output=True, check=False)
    return sorted(_places(json.loads(answer.stdout)))


def _places(findings: list[dict[str, Any]]) -> Iterator[FINDING]:
    for one in findings:
        start, end = one["location"], one["end_location"]
        yield one["code"], start["row"], start["column"], end["row"], end["column"]


def as_reported(report: dict[str, Any]) -> list[FINDING]:
    return sorted(
        (one["code"], one["row"], one["column"], one["end_row"], one["end_column"])
        for one in report["findings"]
    )


@pytest_asyncio.fixture(scope="module")
async def people(register: Register) -> list[Person]:
    """Two people who have uploaded the modules and whose last mail has been sent."""
    ada, boris = await register("ada@example.com"), await register("boris@example.com")
    for person, modules in ((ada, MODULES[:SHARE]), (boris, MODULES[SHARE:])):
        for module in modules:
            await person.upload(module.name, module.read_bytes())
    for person in (ada, boris):
        await eventually(person.all_mails_sent, seconds=120)
    return [ada, boris]


async def test_every_file_is_checked_once(people: list[Person]) -> None:
    for person in people:
        for name in person.files:
            assert [check["version"] for check in await person.checks(name)] == [1]


async def test_findings_are_those_of_the_command_line(people: list[Person], tmp_path: Path) -> None:
    whole = 0
    for person in people:
        for name in person.files:
            [check] = await person.checks(name)
            report = await person.get(f"/checks/{check['id']}")
            expected = by_the_command_line(Path(os.__file__).parent / name, tmp_path)
            assert report["counts"]["total"] == len(expected), name
            if report["truncated"]:
                assert not Counter(as_reported(report)) - Counter(expected), name
            else:
                assert as_reported(report) == expected, name
                whole += 1
    assert whole > len(MODULES) // 2


async def test_every_check_has_exactly_the_one_mail_the_log_says(
    product: Product, people: list[Person]
) -> None:
    mails = _about_checks(await product.mails())
    received = Counter((one, mail.message_id) for mail in mails for one in mail.to)
    expected = Counter[tuple[str, str]]()
    for person in people:
        for name in person.files:
            for check in await person.checks(name):
                mail = (await person.get(f"/checks/{check['id']}"))["mail"]
                expected[person.email, mail["message_id"]] += 1
                assert mail["attempts"] == 1
    ours = {key: count for key, count in received.items() if key[0] in {p.email for p in people}}
    assert ours == dict(expected)
    assert len(expected) == len(MODULES)


async def test_strangers_see_nothing(people: list[Person]) -> None:
    ada, boris = people
    for path in (f"/files/{ada.files[name]}" for name in ada.files):
        assert (await boris.http.get(path)).status_code == 404
        assert (await boris.http.get(f"{path}/content")).status_code == 404
        assert (await boris.http.delete(path)).status_code == 404


async def test_a_replaced_file_is_checked_again_with_the_new_bytes(
    product: Product, register: Register
) -> None:
    vera = await register("vera@example.com")
    await vera.upload("main.py", b"import os\n")
    await eventually(vera.all_mails_sent, seconds=60)
    path = f"/files/{vera.files['main.py']}"
    same = await vera.http.put(f"{path}/content", files={"file": ("main.py", b"import os\n")})
    assert (same.json()["version"], same.json()["unchanged"]) == (1, True)
    new = await vera.http.put(f"{path}/content", files={"file": ("main.py", b"print(name)\n")})
    assert new.json()["version"] == 2

    async def twice() -> bool:
        return len(await vera.checks("main.py")) == 2 and await vera.all_mails_sent()

    await eventually(twice, seconds=60)
    report = await vera.get(f"/checks/{(await vera.checks('main.py'))[0]['id']}")
    assert [one["code"] for one in report["findings"]] == ["F821"]
    assert [one["code"] for one in report["fixed"]] == ["F401"]
    about_checks = _about_checks(await product.mails())
    assert sum(vera.email in mail.to for mail in about_checks) == 2, "none for the same bytes"
    content = await vera.http.get(f"{path}/content")
    assert content.content == b"print(name)\n"
    assert content.headers["content-disposition"].startswith("attachment")


async def test_a_deleted_file_is_not_checked(product: Product, register: Register) -> None:
    gleb = await register("gleb@example.com")
    coming = (await gleb.get("/schedule"))["next_run_at"]

    async def it_has_come() -> bool:
        return bool((await gleb.get("/schedule"))["next_run_at"] != coming)

    await eventually(it_has_come)  # so that the whole interval is ahead
    await gleb.upload("gone.py", b"import os\n")
    gone = gleb.files.pop("gone.py")
    assert (await gleb.http.delete(f"/files/{gone}")).status_code == 204
    await gleb.upload("here.py", b"import os\n")
    await eventually(gleb.all_mails_sent, seconds=60)  # the later file's turn has come and gone
    assert (await gleb.get(f"/files/{gone}/checks"))["checks"] == []
    about_checks = _about_checks(await product.mails())
    assert sum(gleb.email in mail.to for mail in about_checks) == 1
    assert (await gleb.get(f"/files/{gone}"))["mark"] == "deleted"


def _about_checks(mails: list[Mail]) -> list[Mail]:
    """Without those about accounts: only the subject of a result begins with its verdict."""
    return [mail for mail in mails if mail.subject.startswith("[")]
