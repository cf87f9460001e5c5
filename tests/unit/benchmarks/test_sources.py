from benchmarks.sources import sources
from services.files.domain.names import check_name


def test_the_same_files_come_in_every_run() -> None:
    assert sources(20) == sources(30)[:20]


def test_no_two_files_are_alike() -> None:
    many = sources(1500)
    assert len({file.name for file in many}) == len({file.content for file in many}) == 1500


def test_names_are_as_people_may_give_them() -> None:
    assert all(check_name(file.name) == file.name for file in sources(600))
