"""The versions of each schema are one line, and their numbers say which is newer."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from shared.contracts import PUBLISHED
from shared.migrations import config, head


@pytest.mark.parametrize("service", PUBLISHED)
def test_versions_are_numbered_from_the_first_one_without_a_gap(service: str) -> None:
    newest_first = list(ScriptDirectory.from_config(config(service)).walk_revisions())
    versions = [revision.revision for revision in reversed(newest_first)]
    numbers = [f"{number:04}" for number in range(1, len(versions) + 1)]
    assert versions == numbers
    assert [revision.down_revision for revision in reversed(newest_first)] == [None, *numbers[:-1]]
    assert head(service) == numbers[-1]
    for revision in newest_first:
        assert Path(revision.path).name.startswith(f"{revision.revision}_")
