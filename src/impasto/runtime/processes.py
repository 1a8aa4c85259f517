"""Which processes are running, on this machine and on others that share a folder with it."""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import sys


def is_running(pid: int) -> bool:
    """Whether a process of this machine is running, whoever owns it."""
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return _is_running_on_windows(pid)
    try:
        os.kill(pid, 0)  # sends nothing
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


@functools.cache
def machine_id() -> str:
    """Eight hexadecimal digits for this machine: process numbers of others say nothing here."""
    return hashlib.sha256(socket.gethostname().encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _is_running_on_windows(pid: int) -> bool:
    # Not os.kill, which ends the process there whatever the signal.
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    limited_information, still_active = 0x1000, 259
    handle = kernel.OpenProcess(limited_information, False, pid)
    if not handle:
        return bool(kernel.GetLastError() == 5)  # there is one, of another user
    code = ctypes.c_ulong()
    found = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return bool(found) and code.value == still_active
