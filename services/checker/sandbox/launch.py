"""Isolates itself, then executes a program: `launch.py NAME=VALUE … -- PROGRAM ARGUMENT …`.

Options: `started` (a descriptor), `user` (uid and gid to switch to), `network=none` (no sockets),
and any number of `readable` (a path; without one all are), `limit` (name of a resource, `:`, bytes
or seconds) and `env` (a variable, `NAME=VALUE`; without one the whole environment is passed on).
Exactly `1` on `started` means that the program was started: where an option can't be applied, this
ends with a traceback instead.

`launch.py serve=DESCRIPTOR` is a fork server that does the same in a child for each request.

Ordinary users may use Landlock and seccomp, inside containers too, where user namespaces often are
not allowed: see landlock(7), seccomp(2), `linux/landlock.h`, `linux/seccomp.h`.
"""

import ctypes
import os
import resource
import select
import signal
import socket
import struct
import sys

_LIBC = ctypes.CDLL(None, use_errno=True)

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_SECCOMP_MODE_FILTER = 2
_KILL, _REFUSE, _ALLOW = 0x80000000, 0x00050001, 0x7FFF0000  # refused with EPERM
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # linux/filter.h
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_X32 = 0x40000000  # numbers from here on are the same calls of the x32 ABI
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

_LENGTH = 4  # bytes of a request's length


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def limit(name: str, most: int) -> None:
    """Limits that the system does not have (AS on macOS) are left out."""
    # The kernel sends SIGXCPU at the soft limit and kills at the hard one.
    hard = most + 1 if name == "CPU" else most
    try:  # noqa: SIM105 - that would have to be imported
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, hard))
    except (OSError, ValueError):
        pass


def switch_user(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def forbid_privileges() -> None:
    """Set no_new_privs: setuid bits and file capabilities have no effect from now on."""
    if sys.platform == "linux":
        _checked(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def forbid_network() -> None:
    """Refuse sockets and other calls that reach other programs; kill at calls of another ABI."""
    architecture, refused = _MACHINES[os.uname().machine]
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE), (_IF_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER), (_IF_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL),
    ]  # fmt: skip
    for number in refused:
        code += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    code.append((_RETURN, 0, 0, _ALLOW))
    program = _Filter(len(code), b"".join(struct.pack("HBBI", *line) for line in code))
    _checked(_LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0))


def landlock_ruleset(readable: list[str]) -> int:
    """Only these paths can be read and executed, none written; for `enforce`.

    From version 6 of Landlock on, signals and abstract sockets can't leave the sandbox either.
    """
    version = _checked(_LIBC.syscall(_CREATE_RULESET, None, 0, _VERSION))
    rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)  # noqa: PLR2004 - of landlock(7)
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0  # noqa: PLR2004
    handled = struct.pack("QQQ", (1 << rights) - 1, 0, scoped)[: 24 if scoped else 8]
    ruleset = _checked(_LIBC.syscall(_CREATE_RULESET, handled, len(handled), 0))
    for path in readable:
        _allow(ruleset, path, _EXECUTE | _READ_FILE)
    _allow(ruleset, os.devnull, _READ_FILE | _WRITE_FILE)
    return ruleset


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Add a rule for a path; one that does not exist needs none."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if os.path.isdir(path):  # noqa: PTH112 - fewer imports make each child lighter
        rights |= _READ_DIR
    rule = struct.pack("=Qi", rights, descriptor)
    _checked(_LIBC.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
    os.close(descriptor)


def enforce(ruleset: int) -> None:
    _checked(_LIBC.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def parse_options(words: list[str]) -> dict[str, list[str]]:
    """The values of each name, in their order."""
    options: dict[str, list[str]] = {}
    for word in words:
        name, _, value = word.partition("=")
        options.setdefault(name, []).append(value)
    return options


def main(words: list[str]) -> None:
    """Open what the other user may not reach, switch to it, drop all other rights, execute."""
    end = words.index("--")
    options, command = parse_options(words[:end]), words[end + 1 :]
    started = int(options["started"][0])
    os.set_inheritable(started, False)
    program: str | int = command[0]
    if "user" in options:
        # By its descriptor, as a folder above may be closed to the other user. A script's
        # interpreter opens it again: hence inheritable.
        program = os.open(command[0], os.O_RDONLY)
        os.set_inheritable(program, True)
    ruleset = (
        landlock_ruleset([*options["readable"], command[0]]) if "readable" in options else None
    )
    if "user" in options:
        switch_user(*map(int, options["user"][0].split(":")))
        os.stat(os.getcwd())  # noqa: PTH109, PTH116 - refused where a folder above is closed to it
    forbid_privileges()
    if ruleset is not None:
        enforce(ruleset)
    if options.get("network") == ["none"]:
        forbid_network()
    for name, most in (one.split(":") for one in options.get("limit", ())):
        limit(name, int(most))
    env = dict(one.split("=", 1) for one in options.get("env", ())) or os.environ
    os.write(started, b"1")
    try:
        os.execve(program, command, env)  # noqa: S606 - that is what it is for
    except OSError:
        os.write(started, b"0")
        raise


def serve(descriptor: int) -> None:
    """Fork a child for each request on a socket, until its other end is closed.

    A request is the words of `main` without `started`, a NUL behind each, after their length in
    four bytes. With it come four descriptors: standard output and error, `started`, and the folder.

    Responses are lines: `begun PID` to each request, in their order, and `ended PID STATUS SECONDS`
    once a program has ended, with its status as of wait(2) and the processor time it has used.
    """
    os.set_inheritable(descriptor, False)
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    requests = socket.socket(fileno=descriptor)
    is_open = True
    while is_open:
        ready, _, _ = select.select([descriptor, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _report_ended(requests)
        if descriptor in ready:
            is_open = _start_next(requests)


def _start_next(requests: socket.socket) -> bool:
    """Fork a child for the next request; False when the socket is closed."""
    length, descriptors, _, _ = socket.recv_fds(requests, _LENGTH, 4)
    if len(length) < _LENGTH:
        return False
    words = requests.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)
    pid = os.fork()
    if not pid:
        _run_child(descriptors, words.decode().split("\0")[:-1])
    try:  # noqa: SIM105 - the launcher may kill the group at once
        os.setpgid(pid, pid)
    except OSError:  # the child has done so itself, and executes the program already
        pass
    for one in descriptors:
        os.close(one)
    requests.sendall(b"begun %d\n" % pid)
    return True


def _report_ended(requests: socket.socket) -> None:
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        requests.sendall(b"ended %d %d %f\n" % (pid, status, usage.ru_utime + usage.ru_stime))


def _run_child(descriptors: list[int], words: list[str]) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setpgid(0, 0)
    out, err, started, folder = descriptors
    os.fchdir(folder)
    for one, other in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(one, other)
        os.close(one)
    os.close(folder)
    main([f"started={started}", *words])


if __name__ == "__main__":
    if sys.argv[1].startswith("serve="):
        serve(int(sys.argv[1].removeprefix("serve=")))
    else:
        main(sys.argv[1:])
