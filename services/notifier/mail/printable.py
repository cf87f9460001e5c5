"""Text that others wrote, made fit for one line of a mail."""


def printable(text: str, limit: int) -> str:
    """One line of at most `limit` characters.

    Line breaks, NUL, direction marks, lone surrogates and the like become spaces.
    """
    visible = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(visible.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
