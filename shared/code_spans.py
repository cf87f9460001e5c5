"""The backticks of the linter's English sentences as `<code>`, on pages and in mails."""

from collections.abc import Callable

from markupsafe import Markup


def mark_code(line: str, write: Callable[[str], str] = str, *, is_cut: bool = False) -> Markup:
    """`write` makes HTML of each part of the line; without it the line is HTML already.

    A line that is cut may end within code: a backtick without a partner reaches to the end there,
    and code of which nothing is left is left out. In a whole line such a backtick is no code.
    """
    parts = line.split("`")
    if len(parts) % 2 == 0 and not is_cut:
        return Markup(write(line))  # noqa: S704 - HTML by now
    shown = [write(part) for part in parts]
    shown[1::2] = [f"<code>{part}</code>" if part or not is_cut else "" for part in shown[1::2]]
    return Markup("".join(shown))  # noqa: S704 - HTML by now
