"""Memory of the process: sizes as text, the free amount, the peak, and how glibc frees it."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from impasto.errors import ImpastoError, InputDataError, OptionError, option
from impasto.runtime.memory_limits import free_below_limits

BASE_BYTES = 350e6
"""A process that has imported torch and read two pictures."""

_POWERS = {None: 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_bytes(text: str) -> float:
    """Bytes from ``2GB``, ``500 MB``, ``1.5g``, ``2GiB`` (powers of 1024) or a plain number.

    Raises:
        OptionError: If it is not a size, or less than the program itself takes.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*(?:([kmgt])(i?))?b?\s*", text.lower())
    if not match:
        raise OptionError(f"{option('memory')} takes a size such as 2GB or 800MB, not {text!r}.")
    number, prefix, binary = match.groups()
    amount = float(number) * (1024.0 if binary else 1000.0) ** _POWERS[prefix]
    if amount < 2 * BASE_BYTES:
        raise OptionError(
            f"{option('memory')} must be {2 * BASE_BYTES / 1e6:.0f}MB or more, not {text}."
        )
    return amount


def available_bytes() -> float:
    """Memory that the process can still take: free on the machine, and below all limits on it."""
    return min(float(psutil.virtual_memory().available), free_below_limits())


def default_memory_budget() -> float:
    """The bytes that a painting may take by default: two thirds of the memory available now."""
    return available_bytes() * 2 / 3


def peak_bytes() -> float:
    """The most memory that the process has held, or what it holds now if no peak is known."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Linux also has ru_maxrss, but it starts from the peak of the parent process.
        match = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"))
        if match:
            return 1024.0 * int(match[1])
    try:
        import resource
    except ImportError:  # Windows
        info = psutil.Process().memory_info()
        return float(getattr(info, "peak_wset", info.rss))
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def keep_freed_memory(expected: float) -> None:
    """Let glibc keep freed memory for the next map of that size, if there is plenty.

    By default it returns large maps to the system, which clears them again in every step. That
    costs 18 % of a step's time at 1024 px, 7 % at 512 px, and a fifth of one pass at 1920×1080
    (measured on one thread). Kept memory is fragmented and can take a little more. The setting
    holds for the whole process.

    Args:
        expected: Bytes that the process will take; above half of the default budget, freed memory
            is returned instead (:func:`return_freed_memory`).
    """
    if expected > default_memory_budget() / 2:
        return_freed_memory()
    else:
        _set_malloc_options({_TRIM_THRESHOLD: 2**31 - 1, _MMAP_MAX: 0})


def return_freed_memory() -> None:
    """Let glibc return every large map to the system as soon as it is freed.

    By default its threshold grows to the size of the maps freed so far, and the heap that holds
    the others is fragmented: a 100-megapixel picture in tiles took 12 GB instead of 2. Small maps
    are still kept, because the bands of a map are allocated and freed often. The setting holds for
    the whole process.
    """
    _set_malloc_options({_TRIM_THRESHOLD: 2**26, _MMAP_THRESHOLD: 2**23, _MMAP_MAX: 2**16})


def return_unused_pages() -> None:
    """Have glibc return the free pages between the blocks that are in use, some milliseconds."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Option numbers of ``mallopt`` in glibc's malloc.h."""


def _set_malloc_options(options: Mapping[int, int]) -> None:
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for number, value in options.items():
            libc.mallopt(number, value)


_OUT_OF_MEMORY = (
    "out of memory",
    "allocate memory",  # "can't" or "cannot"; of DefaultCPUAllocator and the system
    "not enough memory",
    "defaultcpuallocator",
    "bad_alloc",
    "bad allocation",
    "could not create a primitive",  # oneDNN, which has no memory for its buffers
    "could not create a memory",
    "could not execute a primitive",
    "unable to allocate",
    "failed to allocate",
    "mmap failed",
    "failed to map segment",  # of a library that is loaded
    "start new thread",  # Python: a stack needs memory
    "status_alloc_failed",  # cuDNN and cuBLAS
)
"""Parts of the messages of torch, oneDNN, NumPy, C++ and the system, in small letters."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that there was not enough memory."""
    torch = sys.modules.get("torch")  # not imported for a program that has not needed it
    if isinstance(error, MemoryError) or (torch and isinstance(error, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if not isinstance(error, RuntimeError | ImportError):
        return False
    text = str(error).lower()
    return any(part in text for part in _OUT_OF_MEMORY)


def not_enough_memory(error: BaseException) -> ImpastoError:
    """What to tell a person about an error that :func:`is_out_of_memory`."""
    return InputDataError(
        f"There is not enough memory ({reason_of(error)}): give a smaller {option('size')} or less "
        f"{option('memory')}, or close other programs."
    )


def reason_of(error: BaseException) -> str:
    """The short form of an error that :func:`is_out_of_memory`."""
    text = str(error).strip().partition("\n")[0]
    if found := re.search(r"allocate (\d+) bytes", text):
        return f"{int(found[1]) / 1e6:.0f} MB could not be allocated"
    return text or "out of memory"


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Within the block, running out of memory raises an ``InputDataError`` with one sentence."""
    try:
        yield
    except (MemoryError, OSError, RuntimeError, ImportError) as error:
        if not is_out_of_memory(error):
            raise
        problem = not_enough_memory(error)
        # The traceback keeps all tensors of the frames that it passed.
        traceback.clear_frames(error.__traceback__)
    else:
        return
    raise problem from None
