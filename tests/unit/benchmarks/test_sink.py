import smtplib
import time
from email.message import EmailMessage
from pathlib import Path

from benchmarks.sink import running_sink


def mail(text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", text
    message.set_content(f"{text}\n.\n")
    return message


def test_every_mail_of_a_connection_is_noted_with_its_time(tmp_path: Path) -> None:
    begun = time.monotonic()
    with running_sink(tmp_path) as sink:
        assert b"benchmarks.sink" in Path(f"/proc/{sink.pid}/cmdline").read_bytes()
        with smtplib.SMTP("127.0.0.1", sink.port) as server:
            server.send_message(mail("one"))
            assert [one.to for one in sink.look()] == ["b@example.org"]
            server.send_message(mail("two"))
        first, second = sink.look()
    assert begun < first.at < second.at < time.monotonic()
    assert b"Subject: one" in first.content
    assert b"Subject: two" in second.content


def test_what_is_only_half_written_comes_with_the_next_look(tmp_path: Path) -> None:
    with running_sink(tmp_path) as sink:
        sink.file.write_bytes(b"1.5 a@example.org 4\nab")
        assert sink.look() == []
        sink.file.write_bytes(b"1.5 a@example.org 4\nabcd")
        assert [one.content for one in sink.look()] == [b"abcd"]
