import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ruff import find_ruff_bin

from services.checker.rules import STANDARD, TIERS, longest_prefix, tier


def ruff(*arguments: str) -> str:
    command = [find_ruff_bin(), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def codes() -> list[str]:
    """Every rule this ruff can apply without its preview mode."""
    rules = json.loads(ruff("rule", "--all", "--output-format", "json"))
    return [rule["code"] for rule in rules if rule["code"] and "Stable" in rule["status"]]


@pytest.fixture(scope="module")
def enabled(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What ruff itself makes of the profile."""
    file: Path = tmp_path_factory.mktemp("settings") / "a.py"
    file.touch()
    settings = ruff(
        "check",
        "--isolated",
        "--show-settings",
        f"--select={','.join(STANDARD.select)}",
        f"--ignore={','.join(STANDARD.ignore)}",
        str(file),
    )
    section = settings.partition("linter.rules.enabled = [")[2].partition("]")[0]
    return set(re.findall(r"\((\w+)\)", section))


def test_every_code_the_profile_selects_has_a_tier_of_its_own(codes: list[str]) -> None:
    selected = [code for code in codes if STANDARD.selects(code)]

    assert len(selected) > 300
    assert [code for code in selected if longest_prefix(code, TIERS) is None] == []


def test_the_profile_selects_what_ruff_selects(codes: list[str], enabled: set[str]) -> None:
    assert {code for code in codes if STANDARD.selects(code)} == enabled


@pytest.mark.parametrize("prefix", [*STANDARD.select, *STANDARD.ignore])
def test_every_prefix_of_the_profile_means_a_rule(prefix: str, codes: list[str]) -> None:
    assert any(code.startswith(prefix) for code in codes)


def test_every_prefix_of_the_tiers_means_a_rule(codes: list[str]) -> None:
    known = [*codes, "invalid-syntax"]

    assert [prefix for prefix in TIERS if not any(code.startswith(prefix) for code in known)] == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("invalid-syntax", "blocker"),
        ("F821", "blocker"),
        ("F507", "blocker"),
        ("F504", "warning"),
        ("PLE0101", "blocker"),
        ("PLE2510", "warning"),
        ("F401", "warning"),
        ("B006", "warning"),
        ("B905", "note"),
        ("E501", "note"),
        ("E722", "warning"),
        ("I001", "note"),
        ("S602", "warning"),
        ("SIM102", "note"),
        ("SIM222", "warning"),
        ("ZZZ999", "note"),
    ],
)
def test_tier(code: str, expected: str) -> None:
    assert tier(code) == expected


def test_cyrillic_text_is_no_finding(codes: list[str]) -> None:
    ambiguous = {"RUF001", "RUF002", "RUF003", "PLC2401", "PLC2403"}

    assert ambiguous <= set(codes)
    assert [code for code in sorted(ambiguous) if STANDARD.selects(code)] == []


def test_the_digest_changes_with_whatever_changes_a_result() -> None:
    variants = [
        STANDARD,
        replace(STANDARD, select=("E",)),
        replace(STANDARD, ignore=()),
        replace(STANDARD, line_length=100),
        replace(STANDARD, target_version="py312"),
        replace(STANDARD, warnings_allowed=3),
    ]

    assert len({variant.digest for variant in variants}) == len(variants)
    assert replace(STANDARD, name="other").digest == STANDARD.digest
    assert STANDARD.label == "standard"
