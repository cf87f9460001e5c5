"""Isolates itself, then becomes a program: `launch.py NAME=VALUE … -- PROGRAM ARGUMENT …`.

What is ordered by name: `started` (a descriptor), `user` (uid and gid to become), `network=none`
(no sockets), and any number of `readable` (a path; without one all are) and `limit` (name of a
resource, `:`, bytes or seconds). Exactly `1` on `started` says that the program was started: what
can't be done ends this with a traceback instead.

Imports little of the standard library: most of what this program takes is starting Python, and
`json` and `contextlib` would double it.

Landlock and seccomp are of the kernel and open to ordinary users and inside containers, where user
namespaces often are not: see landlock(7), seccomp(2), `linux/landlock.h`, `linux/seccomp.h`.
"""

import ctypes
import os
import resource
import struct
import sys

_LIBC = ctypes.CDLL(None, use_errno=True)

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_SECCOMP_MODE_FILTER = 2
_KILL, _REFUSE, _ALLOW = 0x80000000, 0x00050001, 0x7FFF0000  # refused with EPERM
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/filter.h
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_X32 = 0x40000000  # numbers from here on are the same calls by another name
# Per machine its number in linux/audit.h, and those of the calls that reach other programs: socket,
# socketpair (a datagram may go anywhere), io_uring_setup (opens sockets too), ptrace,
# process_vm_readv, process_vm_writev, pidfd_getfd, and setsid and setpgid, which leave the group
# that is killed when time is up.
_MACHINES = {
    "x86_64": (0xC000003E, (41, 53, 425, 101, 310, 311, 438, 112, 109)),
    "aarch64": (0xC00000B7, (198, 199, 425, 117, 270, 271, 438, 157, 154)),
}

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every machine
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _done(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def limit(name: str, most: int) -> None:
    """A limit the system does not know (addresses on macOS) is left out; the others hold."""
    # A second before the kernel kills, its signal says that the time is used up.
    hard = most + 1 if name == "CPU" else most
    try:  # noqa: SIM105 - that would have to be imported
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, hard))
    except (OSError, ValueError):
        pass


def become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def forbid_privileges() -> None:
    """No program started from now on gets rights from its file, such as those of setuid."""
    if sys.platform == "linux":
        _done(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def forbid_network() -> None:
    """Refuse sockets of any kind, and what else reaches other programs; kill foreign calls."""
    architecture, refused = _MACHINES[os.uname().machine]
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE), (_IF_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER), (_IF_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL),
    ]  # fmt: skip
    for number in refused:
        code += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    code.append((_RETURN, 0, 0, _ALLOW))
    program = _Filter(len(code), b"".join(struct.pack("HBBI", *line) for line in code))
    _done(_LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0))


def allow_only(readable: list[str]) -> int:
    """A Landlock ruleset: these paths are read and executed, nothing is written; for `enforce`.

    Also keeps signals and abstract sockets inside, from version 6 on.
    """
    version = _done(_LIBC.syscall(_CREATE_RULESET, None, 0, _VERSION))
    rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)  # noqa: PLR2004 - of landlock(7)
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0  # noqa: PLR2004
    handled = struct.pack("QQQ", (1 << rights) - 1, 0, scoped)[: 24 if scoped else 8]
    ruleset = _done(_LIBC.syscall(_CREATE_RULESET, handled, len(handled), 0))
    for path in readable:
        _allow(ruleset, path, _EXECUTE | _READ_FILE)
    _allow(ruleset, os.devnull, _READ_FILE | _WRITE_FILE)
    return ruleset


def _allow(ruleset: int, path: str, rights: int) -> None:
    """What is not there needs no leave."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if os.path.isdir(path):  # noqa: PTH112 - pathlib would double the time this program takes
        rights |= _READ_DIR
    rule = struct.pack("=Qi", rights, descriptor)
    _done(_LIBC.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
    os.close(descriptor)


def enforce(ruleset: int) -> None:
    _done(_LIBC.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def ordered(words: list[str]) -> dict[str, list[str]]:
    """The values of each name, in their order."""
    given: dict[str, list[str]] = {}
    for word in words:
        name, _, value = word.partition("=")
        given.setdefault(name, []).append(value)
    return given


def main(words: list[str]) -> None:
    """Open what the other user may not reach, become that user, close the doors, start."""
    end = words.index("--")
    given, command = ordered(words[:end]), words[end + 1 :]
    started = int(given["started"][0])
    os.set_inheritable(started, False)
    program: str | int = command[0]
    if "user" in given:
        # By its descriptor, as a folder above may be closed to the other user. A script's
        # interpreter opens it again: hence inheritable.
        program = os.open(command[0], os.O_RDONLY)
        os.set_inheritable(program, True)
    ruleset = allow_only([*given["readable"], command[0]]) if "readable" in given else None
    if "user" in given:
        become(*map(int, given["user"][0].split(":")))
        os.stat(os.getcwd())  # noqa: PTH109, PTH116 - refused where a folder above is closed to it
    forbid_privileges()
    if ruleset is not None:
        enforce(ruleset)
    if given.get("network") == ["none"]:
        forbid_network()
    for name, most in (one.split(":") for one in given.get("limit", ())):
        limit(name, int(most))
    os.write(started, b"1")
    try:
        os.execve(program, command, os.environ)  # noqa: S606 - that is what it is for
    except OSError:
        os.write(started, b"0")
        raise


if __name__ == "__main__":
    main(sys.argv[1:])
