"""Runs apt-get and dpkg, and tells now and then how far they are."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import BinaryIO

Say = Callable[[str], None]
PAUSE = 5.0  # seconds between two lines about progress
SILENCE = 300.0  # seconds without news after which it is ended
# Of a server that doesn't answer it would wait for minutes, and for each of its addresses.
_PATIENCE = ["-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30"]
_PATIENCE += ["-o", "Acquire::https::Timeout=30"]


def apt_get(
    arguments: Sequence[str], output: BinaryIO, say: Say, *, to_the_end: bool = False
) -> bool:
    """Whether it succeeded; what it prints goes to `output`.

    Who interrupts us ends it as well, but not with `to_the_end`: half an installation would keep
    the system from any other.
    """

    def command(news: int) -> list[str]:
        return ["apt-get", *_PATIENCE, "-o", f"APT::Status-Fd={news}", *arguments]

    return _run(command, output, say, to_the_end=to_the_end)


def configure(output: BinaryIO, say: Say) -> bool:
    """Let dpkg set up what an interrupted installation has left; returns like `apt_get`."""
    return _run(
        lambda news: ["dpkg", "--status-fd", str(news), "--configure", "-a"],
        output,
        say,
        to_the_end=True,
    )


def _run(
    command: Callable[[int], list[str]], output: BinaryIO, say: Say, *, to_the_end: bool
) -> bool:
    """`command` takes the descriptor to which the program tells how far it is."""
    news, written = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603 - our own commands, of the PATH as a user calls them
            command(written),
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[written],
            start_new_session=to_the_end,  # where Ctrl-C does not reach it
        )
    except BaseException:
        os.close(news)
        raise
    finally:
        os.close(written)
    try:
        return _follow(process, news, say)
    finally:
        if to_the_end:
            _finish(process, news, say)
            _kill_session(process)
        process.kill()
        process.wait()
        os.close(news)


def _finish(process: subprocess.Popen[bytes], news: int, say: Say) -> None:
    """Let it end however often we are interrupted."""
    while process.poll() is None:
        try:
            say("  … ends what it has begun")
            if not _follow(process, news, say):
                return
        except KeyboardInterrupt:
            continue


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    """End what is silent with the scripts it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def _follow(process: subprocess.Popen[bytes], news: int, say: Say) -> bool:
    """Wait for its end; a program that it started may hold the other end of `news` longer."""
    heard = said = time.monotonic()
    while (code := process.poll()) is None:
        if select.select([news], [], [], 0.2)[0] and (text := os.read(news, 65536)):
            heard = time.monotonic()
            if heard - said >= PAUSE and (line := _progress(text)):
                say(line)
                said = heard
        elif time.monotonic() - heard > SILENCE:
            return False
        else:
            with suppress(subprocess.TimeoutExpired):  # `news` may be at its end already
                process.wait(0.2)
    return code == 0


def _progress(text: bytes) -> str:
    """The last whole line, `kind:name:percent:words`, as one for people."""
    lines = [line.split(":", 3) for line in text.decode("utf-8", "replace").splitlines()]
    whole = [line for line in lines if len(line) == 4]  # noqa: PLR2004 - the fields above
    if not whole:
        return ""
    _kind, _name, percent, words = whole[-1]
    return f"  {percent.partition('.')[0]} % … {words}"
