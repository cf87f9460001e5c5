from benchmarks.figures import Figure, at_least, at_most, faster, table


def test_a_goal_speaks_of_the_ratio_where_there_is_one() -> None:
    assert faster("pipeline", 120, 60, "files/s", at_least(5)).reached is False
    assert faster("pipeline", 300, 60, "files/s", at_least(5)).reached is True


def test_a_goal_speaks_of_the_figure_where_there_is_no_ratio() -> None:
    assert Figure("p50 of an upload", 14.9, "ms", goal=at_most(15)).reached is True
    assert Figure("p50 of an upload", 15.1, "ms", goal=at_most(15)).reached is False


def test_without_a_goal_nothing_is_reached_or_missed() -> None:
    assert Figure("notifier", 25.0, "ms").reached is None


def test_a_table_has_a_line_for_each_figure() -> None:
    found = [
        faster("pipeline", 12.34, 61.7, "files/s", at_least(5)),
        Figure("memory", 1234.5, "MB"),
    ]
    assert table(found).splitlines()[2:] == [
        "| pipeline | 12.3 files/s | 61.7 files/s | 0.2 | ≥ 5 | missed |",
        "| memory | 1,234 MB | - | - | - |  |",
    ]


def test_a_line_says_what_there_is() -> None:
    full = faster("pipeline", 12.34, 61.7, "files/s", at_least(5))
    assert (
        full.line() == "pipeline: ours 12.3 files/s, peer 61.7 files/s, ratio 0.2, goal ≥ 5, missed"
    )
    assert Figure("memory", 1234.5, "MB").line() == "memory: ours 1,234 MB"
