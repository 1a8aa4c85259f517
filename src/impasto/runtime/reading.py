"""Reading whole files that somebody else made: no more than fits into memory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from impasto.errors import ImpastoError
from impasto.runtime.memory import default_memory_budget

MOST_BYTES = 4 << 30
"""No picture or model needs a larger file."""

_SMALL = 256 << 20
"""Bytes that are read without a look at the free memory."""

_BLOCK = 1 << 20


def read_capped(path: Path, *, error: type[ImpastoError]) -> bytes:
    """The content of a file or pipe.

    Args:
        path: What to read.
        error: The class of the error for too many bytes.

    Raises:
        ImpastoError: If it has more bytes than ``MOST_BYTES``, or than fit into memory.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        state = os.fstat(file.fileno())
        if stat.S_ISREG(state.st_mode) and 0 < state.st_size <= _SMALL:
            return file.read(min(_SMALL, state.st_size + _BLOCK))  # read(n) takes n bytes
        most = max(_SMALL, min(MOST_BYTES, int(default_memory_budget())))
        if state.st_size > most:
            raise _too_large(path, state.st_size, most, error)
        content = bytearray()
        while block := file.read(_BLOCK):
            content += block
            if len(content) > most:
                raise _too_large(path, len(content), most, error)
    return bytes(content)


def _too_large(path: Path, size: int, most: int, error: type[ImpastoError]) -> ImpastoError:
    return error(
        f"{path} has {size:,} bytes or more, and at most {most:,} are read: give a smaller file.",
        got=size,
        allowed=most,
    )
