"""Work that one thread does best."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within the block torch's CPU operations use one thread.

    For work of many tiny parallel parts, whose threads mostly wait for each other: an eigenvalue
    decomposition of 128×128 takes 0.7 ms on one thread, and was measured at 80 to 500 ms on two
    threads of which another program took its share.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
