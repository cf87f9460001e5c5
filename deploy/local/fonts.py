"""Fonts for the tests of screens and mails, from Debian's packages; nothing is installed."""

from pathlib import Path

from deploy.local.apt import Say
from deploy.local.errors import CannotStart
from deploy.local.unpacking import can_unpack, unpack, unpacked

# Package → the files the tests need of it: a wide font, a narrow one.
PACKAGES = {
    "fonts-dejavu-core": ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf"),
    "fonts-roboto-unhinted": ("RobotoCondensed-Regular.ttf", "RobotoCondensed-Bold.ttf"),
}
_FOLDERS = [Path("/usr/share/fonts"), Path("/Library/Fonts"), Path.home() / "Library/Fonts"]


def ensure_fonts(say: Say, log: Path) -> None:
    """Unpack what the machine lacks.

    Raises:
        CannotStart: it lacks some and has no apt; the message says what to do.
    """
    for package, files in PACKAGES.items():
        if all(find_font(file) for file in files):
            continue
        if not can_unpack():
            raise CannotStart(
                f"The tests of the screens need the fonts of Debian's package {package}: install "
                f"{', '.join(files)} for all users."
            )
        unpack(package, say, log)


def find_font(file: str) -> Path | None:
    """A font by the name of its file, as we have unpacked it or the machine has it."""
    ours = [folder for package in PACKAGES if (folder := unpacked(package))]
    found = (path for folder in [*ours, *_FOLDERS] for path in folder.rglob(file))
    return next(found, None)
