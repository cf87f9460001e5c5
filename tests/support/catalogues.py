"""Whether a gettext catalogue is complete."""

import re
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

_PLACE = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


def read_catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.name, abort_invalid=True)


def translated(catalogue: Catalog) -> set[Any]:
    """The msgids that have all their forms, behind their context; pairs where there is a plural."""
    whole = (message for message in catalogue if message.id and _is_whole(message))
    return {(message.context, message.id) for message in whole}


def with_other_places(catalogue: Catalog) -> list[Any]:
    """The msgids that a translation does not give the same values."""
    return [
        message.id
        for message in catalogue
        if message.id and any(_places(form) != _wanted(message) for form in _forms(message))
    ]


def _is_whole(message: Message) -> bool:
    forms = _forms(message)
    return len(forms) == (3 if message.pluralizable else 1) and all(forms) and not message.fuzzy


def _forms(message: Message) -> tuple[str, ...]:
    string: Any = message.string
    return tuple(string) if message.pluralizable else (string,)


def _wanted(message: Message) -> set[str]:
    return _places(message.id if isinstance(message.id, str) else message.id[1])


def _places(sentence: str) -> set[str]:
    return {found.group() for found in _PLACE.finditer(sentence)}
