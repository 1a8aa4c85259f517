"""A folder for one process at a time."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from impasto.errors import InputDataError

LOCK = ".lock"
"""Name of the file that is locked. It stays in the folder, and is free when no process holds it."""


@contextlib.contextmanager
def locked(folder: Path, *, remedy: str) -> Iterator[None]:
    """Within the block no other process can lock the folder.

    The system releases the lock of a process that ends, however it ends. On disks that know no
    locks the folder is not protected.

    Args:
        folder: An existing folder.
        remedy: What to do if it is locked, for the message.

    Raises:
        InputDataError: If another process holds the lock.
        OSError: If the folder cannot be written to.
    """
    with (folder / LOCK).open("a+b") as file:
        if not _acquire(file):
            raise InputDataError(f"{folder} is in use by {_owner(folder)}: {remedy}")
        try:
            with contextlib.suppress(OSError):  # on a full disk the number is missing
                file.truncate(0)
                file.write(f"{os.getpid()}\n".encode())
                file.flush()
            yield
        finally:
            with contextlib.suppress(OSError):
                file.truncate(0)
            _release(file)


def _owner(folder: Path) -> str:
    """The process that holds the lock, as far as its file says."""
    try:
        number = (folder / LOCK).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        number = ""
    return f"process {number}" if number.isdigit() else "another process"


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # a byte beyond the text: other processes could not read a locked one

    def _acquire(file: IO[bytes]) -> bool:
        file.seek(_FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        file.seek(0)
        return True

    def _release(file: IO[bytes]) -> None:
        file.seek(_FAR)
        with contextlib.suppress(OSError):
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _acquire(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # this disk knows no locks
            return True
        return True

    def _release(file: IO[bytes]) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)
