"""Puts serialised JSON together without parsing it, which costs much where it is large."""


def with_member(written: str, name: str, value: str) -> str:
    """A serialised object, which has members, with one more member of serialised `value`."""
    return f'{written[:-1]},"{name}":{value}}}'
