"""What is a key, and what makes two requests the same."""

import pytest

from services.files.storage.idempotency import IdempotencyKeyInvalid, fingerprint, parse_key


@pytest.mark.parametrize(
    "key", ["k", "~" * 255, '"quoted"', "8e03978e-40d5-43dd-bc93-6894a57f9324"]
)
def test_visible_ascii_is_a_key(key: str) -> None:
    assert parse_key([key]) == key


def test_no_header_is_no_key() -> None:
    assert parse_key([]) is None


@pytest.mark.parametrize(
    "keys", [[""], ["a b"], ["a\tb"], ["é"], ["a\x7f"], ["x" * 256], ["a", "a"]]
)
def test_anything_else_is_refused(keys: list[str]) -> None:
    with pytest.raises(IdempotencyKeyInvalid):
        parse_key(keys)


def test_a_fingerprint_knows_where_a_part_ends() -> None:
    assert fingerprint(b"PUT /a", b"b") == fingerprint(b"PUT /a", b"b")
    prints = {
        fingerprint(b"ab", b"c"),
        fingerprint(b"a", b"bc"),
        fingerprint(b"abc"),
        fingerprint(),
    }
    assert len(prints) == 4
