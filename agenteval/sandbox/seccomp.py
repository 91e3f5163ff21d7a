"""A machine's architecture in, a filter of system calls (classic BPF) for it out.

Refused is what no plain program needs and what attacks on kernels and neighbours begin with: tracing and reading other
processes, mounts, new namespaces, kernel modules, keys, clocks, asynchronous rings, and sockets of any family but
local, internet and netlink: a virtual machine's vsock, for one, belongs to no network namespace.

References:
    seccomp(2); linux/filter.h; the system call tables of linux/unistd.h.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence

_X86_64, _AARCH64 = 0xC000003E, 0xC00000B7
_ARCHITECTURES = {"x86_64": (0, _X86_64), "amd64": (0, _X86_64), "aarch64": (1, _AARCH64), "arm64": (1, _AARCH64)}

# number on x86_64, number on aarch64; None where there is none
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
_CLONE, _CLONE3, _IOCTL, _SOCKET = (56, 220), (435, 435), (16, 29), (41, 198)
_CLONE_NEWUSER = 0x10000000
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX put text into the terminal, as if it had been typed
_FAMILIES = (1, 2, 10, 16)  # local, IPv4, IPv6, netlink
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in struct seccomp_data, of a little-endian machine
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000

_Code = tuple[int, int, int, int]


def filter_for(machine: str) -> bytes | None:
    """The filter, as bubblewrap's `--seccomp` takes it; None for a machine whose numbers are not known here.

    Args:
        machine: As `platform.machine()` names it.
    """
    known = _ARCHITECTURES.get(machine.lower())
    if known is None:
        return None
    column, arch = known
    program = _program(column, arch)
    return b"".join(struct.pack("<HBBI", code, yes, no, value) for code, yes, no, value in program)


def _program(column: int, arch: int) -> Sequence[_Code]:
    program: list[_Code] = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, arch), _refuse(errno.ENOSYS), (_LOAD, 0, 0, _NUMBER)]
    if arch == _X86_64:
        program += [(_AT_LEAST, 0, 1, _X32), _refuse(errno.ENOSYS)]
    for numbers in _REFUSED.values():
        number = numbers[column]
        if number is not None:
            program += [(_EQUAL, 0, 1, number), _refuse(errno.EPERM)]
    # its flags lie in memory, where a filter cannot look; libraries fall back on clone
    program += [(_EQUAL, 0, 1, _CLONE3[column]), _refuse(errno.ENOSYS)]
    program += _where(_CLONE[column], _FIRST, [(_BITS, 0, 1, _CLONE_NEWUSER), _refuse(errno.EPERM)])
    typed = [code for number in _TERMINAL_INPUT for code in ((_EQUAL, 0, 1, number), _refuse(errno.EPERM))]
    program += _where(_IOCTL[column], _SECOND, typed)
    allowed = [code for family in _FAMILIES for code in ((_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOW))]
    program += _where(_SOCKET[column], _FIRST, [*allowed, _refuse(errno.EAFNOSUPPORT)])
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _where(number: int, offset: int, then: Sequence[_Code]) -> list[_Code]:
    """Where it is that call, look at one of its arguments, and allow what `then` does not return from."""
    inner = [(_LOAD, 0, 0, offset), *then, (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(inner), number), *inner]


def _refuse(number: int) -> _Code:
    return (_RETURN, 0, 0, _ERRNO | number)
