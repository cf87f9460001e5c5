"""Patches: applied to one version they give the other, byte by byte."""

from pathlib import Path

import pygit2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.files.diffs.line_changes import MAX_COMPARED
from services.files.diffs.patch import make_patch

LINE = st.sampled_from(
    [b"a\n", b"b\n", b"\n", b"c\r\n", b"d\r", b"\xff\n", b"+x\n", b"\x0c\n", b"-- y\n"]
)
LINES = st.lists(LINE, max_size=30)
TEXTS = st.builds(lambda lines, end: b"".join(lines) + end, LINES, st.sampled_from([b"", b"z"]))
TIMES = settings(max_examples=150, deadline=None)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> pygit2.Repository:
    return pygit2.init_repository(tmp_path_factory.mktemp("work"))


def applied(repository: pygit2.Repository, name: str, old: bytes, diff: bytes) -> bytes:
    path = Path(repository.workdir) / name
    path.write_bytes(old)
    header = f"diff --git a/{name} b/{name}\n".encode()  # without it libgit2 reads no patch
    repository.apply(pygit2.Diff.parse_diff(header + diff))
    return path.read_bytes()


@TIMES
@given(TEXTS, TEXTS)
def test_a_patch_leads_from_one_version_to_the_other(
    repository: pygit2.Repository, old: bytes, new: bytes
) -> None:
    diff = make_patch(old, new, "main.py", "main.py")
    assert bool(diff) == (old != new)
    if diff and old and new:  # git takes a patch from or to nothing for a new or a gone file
        assert applied(repository, "main.py", old, diff) == new


def test_versions_with_little_in_common_are_replaced_whole(
    repository: pygit2.Repository,
) -> None:
    lines = range(MAX_COMPARED // 2 + 1)
    old, new = (b"".join(sign + b"%d\n" % n for n in lines) for sign in (b"", b"x"))
    diff = make_patch(b"same\n" + old, b"same\n" + new, "main.py", "main.py")
    assert applied(repository, "main.py", b"same\n" + old, diff) == b"same\n" + new


@pytest.mark.parametrize("new", ["new.py", "файл.py"])
def test_a_renamed_file_has_its_new_name_after_it(repository: pygit2.Repository, new: str) -> None:
    folder = Path(repository.workdir)
    (folder / "main.py").write_bytes(b"a\n")
    repository.apply(pygit2.Diff.parse_diff(make_patch(b"a\n", b"a\nb\n", "main.py", new)))
    assert (folder / new).read_bytes() == b"a\nb\n"
    assert not (folder / "main.py").exists()


def test_a_new_name_alone_is_a_patch_too() -> None:
    assert make_patch(b"a\n", b"a\n", "old.py", "new.py").decode() == (
        "diff --git a/old.py b/new.py\nsimilarity index 100%\n"
        "rename from old.py\nrename to new.py\n"
    )


def test_names_and_ends_are_told_as_patch_expects_them() -> None:
    assert make_patch(b"a", b"a\nb", "my file.py", "my file.py").decode() == (
        "--- a/my file.py\t\n"
        "+++ b/my file.py\t\n"
        "@@ -1,1 +1,2 @@\n"
        "-a\n"
        "\\ No newline at end of file\n"
        "+a\n"
        "+b\n"
        "\\ No newline at end of file\n"
    )
    assert make_patch(b"", b"a\n", "m.py", "m.py").endswith(b"@@ -0,0 +1,1 @@\n+a\n")
    assert make_patch(b"a\n", b"", "m.py", "m.py").endswith(b"@@ -1,1 +0,0 @@\n-a\n")
