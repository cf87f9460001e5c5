"""Error messages in the user's language, with localized numbers and sizes."""

from collections.abc import Mapping
from typing import Any

from services.gateway.i18n.formats import size
from services.gateway.i18n.language import translations
from shared import error_messages
from shared.contracts.auth import Language
from shared.i18n.formats import number

_OF_BYTES = {"file_too_large", "storage_full"}  # codes with a limit in bytes


def sentence(language: Language, code: str, params: Mapping[str, Any]) -> str:
    """The message of an error code; a general one for unknown codes."""
    shown = {
        name: _shown(language, code, value) if isinstance(value, int) else value
        for name, value in params.items()
    }
    return error_messages.sentence(code, shown, translations(language).gettext)


def _shown(language: Language, code: str, value: int) -> str:
    return size(language, value) if code in _OF_BYTES else number(language, value)
