"""Ctrl-C as a request to stop after the current step, so that no work is left half done."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

REPEAT_SECONDS = 1.0
"""Signals within this time are one request. A terminal signals every process, and a launcher such
as ``torchrun`` signals its own processes again."""


@dataclass
class StopRequest:
    """Whether the user has requested a stop by Ctrl-C."""

    made: bool = False


@contextlib.contextmanager
def interrupts_ignored_by_children() -> Iterator[None]:
    """Processes started within the block ignore Ctrl-C, which a terminal sends to all processes.

    They inherit the setting, so even a process that is still starting is not interrupted.
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
    """Within the block the first Ctrl-C is only recorded; a second one stops at once.

    A signal less than ``REPEAT_SECONDS`` after the first does not count as a second one. Outside
    the main thread, where signals cannot be handled, Ctrl-C keeps its usual effect.
    """
    request, requested_at = StopRequest(), 0.0
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def record(signum: int, frame: FrameType | None) -> None:
        nonlocal requested_at
        if not request.made:
            request.made, requested_at = True, time.monotonic()
        elif time.monotonic() > requested_at + REPEAT_SECONDS:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, record)
    try:
        yield request
    finally:
        signal.signal(signal.SIGINT, before)
