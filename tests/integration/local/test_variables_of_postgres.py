"""What a shell says about another database (`PGSSLMODE`, …) is nothing to a server of ours."""

from pathlib import Path

import pytest

from tests.support.product import local, running_product

OF_ANOTHER_DATABASE = {
    "PGHOST": "database.invalid",
    "PGPORT": "1",
    "PGUSER": "somebody",
    "PGPASSWORD": "hush-hush",
    "PGSSLMODE": "require",
    "PGSSLROOTCERT": "/nowhere",
    "PGTARGETSESSIONATTRS": "standby",
}


@pytest.mark.parametrize("command", ["migrate", "rebuild"])
def test_none_of_another_database_changes_ours(tmp_path: Path, command: str) -> None:
    answer = local(command, tmp_path, **OF_ANOTHER_DATABASE)
    assert answer.returncode == 0, answer.stderr
    assert "Schemas … migrated" in answer.stdout


async def test_nor_what_the_services_find(tmp_path: Path) -> None:
    with running_product(tmp_path, **OF_ANOTHER_DATABASE) as product:
        assert await product.mails() == []  # it is ready, and every service with it
