"""Whether a computation is being recorded as a graph for another runtime.

A graph holds plain operations only, for pictures of any size. What is faster here (maps written in
place, in bands or strips whose number depends on the size, matrix decompositions, own autograd
functions) cannot be part of it. The few functions that do such things have a plain form as well.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_plain: ContextVar[bool] = ContextVar("impasto_plain_operations", default=False)


@contextlib.contextmanager
def plain_operations() -> Iterator[None]:
    """While the block runs, everything is computed by operations that a graph can hold."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def needs_plain_operations() -> bool:
    """Whether :func:`plain_operations` is in force."""
    return _plain.get()
