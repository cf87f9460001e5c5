"""The files of an export: each has a folder with all versions and their content."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from services.gateway.downloads.archive_names import comparable, fitting
from services.gateway.downloads.zip_stream import Entry

PAGE = 100  # rows of a list in one entry
_NUMBER = 12  # bytes reserved for the number after a folder's name

Rows = Sequence[dict[str, Any]]


class Folders:
    """One folder per file: its name, with a number if the name is taken."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, name: str) -> str:
        """A numbered name can't collide with a file name, which ends in `.py`."""
        same = comparable(fitting(name, _NUMBER))
        number = self._numbers[same] = self._numbers.get(same, 0) + 1
        suffix = f" ({number})" if number > 1 else ""
        return f"files/{fitting(name, len(suffix))}{suffix}"


class Histories:
    """Turns versions, ordered by file, into archive entries."""

    def __init__(self, folders: dict[str, str]) -> None:
        """Take the folder of each file, by its id."""
        self._folders = folders
        self._file, self._number = "", 0
        self._page: list[dict[str, Any]] = []

    def entries(self, versions: Rows) -> list[Entry]:
        """The contents of the versions, and the lists that are complete."""
        entries = []
        for version in versions:
            if version["file_id"] != self._file or len(self._page) == PAGE:
                entries += self.flush()
            if version["file_id"] != self._file:
                self._file, self._number = version["file_id"], 0
            entries += self._content(version)
            self._page.append({n: v for n, v in version.items() if n not in {"file_id", "content"}})
        return entries

    def flush(self) -> list[Entry]:
        """The last list, not written yet."""
        page, self._page = self._page, []
        if not page:
            return []
        self._number += 1
        return [(page_name(f"{self._folders[self._file]}/versions", self._number), as_json(page))]

    def _content(self, version: dict[str, Any]) -> list[Entry]:
        if version["content"] is None:
            return []
        number = f"v{version['version']}-"
        name = fitting(version["name"], len(number))
        return [(f"{self._folders[version['file_id']]}/{number}{name}", version["content"])]


def page_name(name: str, number: int) -> str:
    """The name of a page: `mails.json`, `mails-2.json`, … ."""
    return f"{name}.json" if number == 1 else f"{name}-{number}.json"


def as_json(content: Any) -> bytes:
    return to_json(content, indent=2)
