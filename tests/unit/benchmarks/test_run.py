from benchmarks.run import MAIL_SERVER, Run


def test_the_mail_server_of_the_benchmark_is_told_of_by_itself() -> None:
    processor = {"auth": 0.5, MAIL_SERVER: 1.0, "checker": 2.0}
    run = Run(100, 1.0, 2.0, 3.0, processor, 100.0)
    assert list(run.a_file().items()) == [("checker", 20.0), ("auth", 5.0)]
    assert run.milliseconds(MAIL_SERVER) == 10.0
