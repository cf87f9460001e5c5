"""Text that others wrote, made fit for one line of a mail."""


def printable(text: str, limit: int) -> str:
    """One line of at most `limit` characters.

    Line breaks, NUL, direction marks, lone surrogates and the like become spaces. `=?` is parted,
    so that no mail program reads a file name as an encoded word (RFC 2047).
    """
    visible = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(visible.split()).replace("=?", "= ?")
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
