"""JSON that is written already, put together: what is large is not taken apart for it."""


def with_member(written: str, name: str, value: str) -> str:
    """An object that has members, with one more, whose value is JSON."""
    return f'{written[:-1]},"{name}":{value}}}'
