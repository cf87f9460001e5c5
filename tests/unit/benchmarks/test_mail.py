import smtplib
import time
from pathlib import Path

from benchmarks.mail import octets_in, sink_process
from deploy.local.ports import answers
from tests.support.product import free_port


def test_the_octets_are_those_that_were_sent(tmp_path: Path) -> None:
    mails = [b"Subject: one\r\n\r\n.a\r\n..\r\n12\r\n", b"Subject: two\r\n\r\nb\r\n"]
    port = free_port()
    with sink_process(tmp_path / "mails", port):
        while not answers(port):
            time.sleep(0.05)
        with smtplib.SMTP("127.0.0.1", port) as server:
            for mail in mails:
                server.sendmail("a@example.org", ["b@example.org"], mail)
    assert octets_in(tmp_path / "mails") == mails
