"""Codes of a second factor."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from services.auth.domain import codes

# RFC 6238, appendix B: the secret of its test vectors, and the last six digits of their codes.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert codes.matching_step(RFC_SECRET, code, at) == seconds // 30
    assert codes.matching_step(RFC_SECRET, code, at + timedelta(seconds=30)) == seconds // 30
    assert codes.matching_step(RFC_SECRET, code, at + timedelta(seconds=60)) is None


def test_secrets_and_recovery_codes_are_long_and_never_the_same() -> None:
    secrets = {codes.new_totp_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(re.fullmatch("[A-Z2-7]{32}", secret) for secret in secrets)
    sheets = [code for _ in range(50) for code in codes.new_recovery_codes()]
    assert len(set(sheets)) == 50 * codes.RECOVERY_CODES
    assert all(re.fullmatch("[a-z2-7]{4}(-[a-z2-7]{4}){3}", code) for code in sheets)


@pytest.mark.parametrize("typed", [" 123 456", "123-456\n", "123\u00a0456", "1 2 3 4 5 6"])
def test_spaces_and_hyphens_do_not_matter(typed: str) -> None:
    assert codes.normalize_code(typed) == "123456"
