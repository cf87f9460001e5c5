from benchmarks.consuming import told


def test_sets_are_told_against_events_that_come_alone() -> None:
    in_sets, of_postgres = told({1: (3.0, 1.0), 100: (0.3, 0.2)})
    assert in_sets.name == "an event in reports, in sets of 100 against alone"
    assert (in_sets.ours, in_sets.peer, in_sets.ratio) == (0.5, 4.0, 8.0)
    assert (of_postgres.ours, of_postgres.peer) == (0.2, 1.0)
