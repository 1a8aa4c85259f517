"""Ctrl-C, SIGTERM and SIGHUP as a request to stop after the current step; no work is lost."""

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
    """Whether a stop has been requested by a signal."""

    made: bool = False


@contextlib.contextmanager
def interrupts_ignored_by_children() -> Iterator[None]:
    """Processes started within the block ignore Ctrl-C and SIGHUP, which all processes get.

    They inherit the setting, so even a process that is still starting is not interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    from_terminal = [s for s in ("SIGINT", "SIGHUP") if hasattr(signal, s)]
    before = {s: signal.signal(getattr(signal, s), signal.SIG_IGN) for s in from_terminal}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), signal.SIG_DFL if handler is None else handler)


def _stop_signals() -> list[signal.Signals]:
    """The signals that request a stop: Ctrl-C, ``kill``, and a terminal that is closed.

    One that is ignored (SIGHUP under ``nohup``) stays ignored; Ctrl-C never is.
    """
    names = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    others = [getattr(signal, name) for name in names if hasattr(signal, name)]
    heard = [s for s in others if signal.getsignal(s) is not signal.SIG_IGN]
    return [signal.SIGINT, *heard]


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[StopRequest]:
    """Within the block the first stop signal is only recorded; a second one stops at once.

    A signal less than ``REPEAT_SECONDS`` after the first does not count as a second one. Outside
    the main thread, where signals cannot be handled, they keep their usual effect.
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

    before = {number: signal.signal(number, record) for number in _stop_signals()}
    try:
        yield request
    finally:
        for number, handler in before.items():
            # None: it was not set by Python, and cannot be set again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
