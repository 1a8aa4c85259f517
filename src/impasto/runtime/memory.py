"""How much memory a painting takes, and what tiles keep it within a budget."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

import psutil
import torch

from impasto.errors import OptionError, option

BASE_BYTES = 350e6
"""A process that has imported torch and read two pictures."""


_UNITS = ("", "k", "m", "g", "t")


def parse_bytes(text: str) -> float:
    """``2GB``, ``500 MB``, ``1.5g``, ``2GiB`` (by 1024) or a plain number of bytes.

    Raises:
        OptionError: For anything else, and for less than the program itself takes.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(?:([kmgt])(i?))?b?\s*", text.lower())
    if not found:
        raise OptionError(f"{option('memory')} takes a size such as 2GB or 800MB, not {text!r}.")
    unit = (1024.0 if found[3] else 1000.0) ** float(_UNITS.index(found[2] or ""))
    amount: float = float(found[1]) * unit
    if amount < 2 * BASE_BYTES:
        raise OptionError(
            f"{option('memory')} must be {2 * BASE_BYTES / 1e6:.0f}MB or more, not {text}."
        )
    return amount


def free_memory() -> float:
    """What a painting may take if nothing is said: two thirds of the memory that is free now."""
    return float(psutil.virtual_memory().available) * 2 / 3


def peak_bytes() -> float:
    """The most that the process ever held; where the system does not tell, what it holds now."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Linux also tells ru_maxrss, but there that begins with what the parent process held.
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if found:
            return 1024.0 * int(found[1])
    try:
        import resource
    except ImportError:  # Windows
        held = psutil.Process().memory_info()
        return float(getattr(held, "peak_wset", held.rss))
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def keep_freed_memory(expected: float) -> None:
    """Have the C library keep what is freed for the next map of that size, where it is glibc.

    It hands large maps back to the system, which clears them anew for every step: 18 % of a step's
    time at 1024 px, 7 % at 512, a fifth of one pass at 1920×1080 (measured on one thread). Kept
    memory lies in pieces and can take a little more, so this is for where there is plenty;
    elsewhere it is handed back (:func:`return_freed_memory`). Both hold for the whole process.

    Args:
        expected: Bytes that the process will take; above half of what is free they are handed back.
    """
    if expected > free_memory() / 2:
        return_freed_memory()
    else:
        _tell_glibc({_TRIM_THRESHOLD: 2**31 - 1, _MMAP_MAX: 0})


def return_freed_memory() -> None:
    """Have glibc hand every large map back as soon as it is freed.

    Else it raises the size from which it does so to that of the maps freed so far, and the heap
    that the others lie in falls to pieces: a 100-megapixel picture in tiles took 12 GB, not 2.
    What is small is kept nonetheless: bands of a map come and go often.
    """
    _tell_glibc({_TRIM_THRESHOLD: 2**26, _MMAP_THRESHOLD: 2**23, _MMAP_MAX: 2**16})


_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Numbers of options in glibc's malloc.h."""


def _tell_glibc(options: Mapping[int, int]) -> None:
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        for option, value in options.items():
            library.mallopt(option, value)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch says that there was not enough memory."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
