"""Folders of a local run are closed to others, also those that an earlier version left open."""

import errno
import os
import stat
from pathlib import Path

import pytest

from deploy.local import __main__ as program
from deploy.local.credentials import open_credentials
from deploy.local.errors import CannotStart
from deploy.local.files import closed_folder, data_folder
from deploy.local.logs import fresh_log
from deploy.local.mail_store import MailStore


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("before", "after"),
    [(0o755, 0o710), (0o777, 0o710), (0o750, 0o710), (0o710, 0o710), (0o700,) * 2],
)
def test_others_lose_their_rights_and_a_group_may_pass(
    tmp_path: Path, before: int, after: int
) -> None:
    tmp_path.chmod(before)
    closed_folder(tmp_path)
    assert mode(tmp_path) == after


def test_a_new_folder_is_ours_alone_whatever_the_mask(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        data_folder(tmp_path / "a" / "data")
    finally:
        os.umask(mask)
    assert mode(tmp_path / "a" / "data") == 0o700


def test_a_folder_that_holds_more_than_our_data_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "secrets").mkdir()
    data_folder(tmp_path)
    assert mode(tmp_path) == 0o710
    tmp_path.chmod(0o755)
    (tmp_path / "letters").mkdir()
    data_folder(tmp_path)
    assert mode(tmp_path) == 0o755


def test_what_is_in_it_is_closed_by_itself(tmp_path: Path) -> None:
    for name in ("secrets", "log", "mailbox"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    open_credentials(tmp_path / "secrets")
    fresh_log(tmp_path / "log", "files")
    MailStore(tmp_path / "mailbox")
    assert {mode(folder) & 0o067 for folder in tmp_path.iterdir()} == {0}


def test_a_folder_that_can_not_be_closed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(CannotStart, match="Others may read"):
        data_folder(tmp_path)


def test_what_belongs_to_somebody_else_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/data/secrets/jwks.json")

    monkeypatch.setitem(program.COMMANDS, "serve", start)
    assert program.main(["serve"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("You may not use /data/secrets/jwks.json. ")


def test_another_refusal_is_no_matter_of_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setitem(program.COMMANDS, "serve", start)
    with pytest.raises(PermissionError):
        program.main(["serve"])
