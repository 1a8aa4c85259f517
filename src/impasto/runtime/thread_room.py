"""Threads under a limit on the address space (``ulimit -v``): one where stacks may not fit.

Each thread needs address space for its stack. If libgomp, the OpenMP library of torch on Linux,
gets none for a thread, it ends the process without a word to Python. With one thread it starts
none. OpenBLAS, which NumPy and SciPy load, ends the process as well.
"""

from __future__ import annotations

import os
import sys

from impasto.errors import InputDataError
from impasto.runtime.memory_limits import free_address_space

ROOM_FOR_THREADS = 1e9
"""Below it, one thread. A painting may use two thirds of the room. The rest must hold the stacks
of the teams of several threads, 8 MB each, and glibc's heaps, 128 MB while one is made."""

ROOM_FOR_PROGRAM = 0.85e9
"""Address space of a process that has loaded torch and SciPy and works with one thread; measured
with torch 2.13 for CPUs: 0.81 GB."""

_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Environment variables that libraries read when they are loaded."""


_threads_fit = True


def threads_fit() -> bool:
    """Whether threads beside the main one may compute.

    The first use of a library in a thread takes memory for its thread-local data. Without any,
    glibc ends the process.
    """
    return _threads_fit


def fit_threads_to_address_space() -> None:
    """Use one thread if the limit on the address space leaves little room; else change nothing.

    For a program of Impasto's own, before the first operation of torch. It holds for the process,
    and for those that it starts.

    Raises:
        InputDataError: If not even the libraries fit.
    """
    room = free_address_space()
    is_loaded = "torch" in sys.modules
    if not is_loaded:
        if room < ROOM_FOR_PROGRAM:
            raise InputDataError(
                f"The limit on the address space (ulimit -v) leaves {room / 1e9:.2f} GB, and the "
                f"program takes {ROOM_FOR_PROGRAM / 1e9:.2f} GB without a picture: raise the limit."
            )
        room -= ROOM_FOR_PROGRAM
    if room >= ROOM_FOR_THREADS:
        return
    global _threads_fit
    _threads_fit = False
    os.environ.update(dict.fromkeys(_COUNTS, "1"))
    if is_loaded:
        import torch

        torch.set_num_threads(1)  # of this thread, and of all that start later
