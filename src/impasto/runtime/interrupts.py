"""Ctrl-C as a wish to stop after the step in hand, so that nothing is left half done."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

ONE_WISH = 1.0
"""Seconds within which signals are one wish: a terminal tells all processes, and a launcher such as
``torchrun`` tells its own once more."""


class StopRequest:
    """Whether the person at the keyboard has asked to stop."""

    def __init__(self) -> None:
        self.made = False


@contextlib.contextmanager
def unheard_by_children() -> Iterator[None]:
    """Processes started within the block do not hear Ctrl-C, which a terminal tells to all.

    They inherit that it is ignored, so not even one that has hardly begun is torn from its work.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[StopRequest]:
    """Within the block the first Ctrl-C only notes the wish; the second stops at once.

    The second is one that comes more than ``ONE_WISH`` seconds later.

    Outside the main thread, where signals cannot be handled, Ctrl-C keeps its usual effect.
    """
    request, wished = StopRequest(), 0.0
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal wished
        if not request.made:
            request.made, wished = True, time.monotonic()
        elif time.monotonic() > wished + ONE_WISH:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield request
    finally:
        signal.signal(signal.SIGINT, before)
