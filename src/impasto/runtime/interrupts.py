"""Ctrl-C, SIGTERM and SIGHUP as a request to stop after the current step; no work is lost.

Python runs the handler of a signal between two of its own instructions. A convolution of a large
picture may take seconds, so a thread that the system wakes at once acknowledges the signal. If the
step does not end soon, the same thread has the handler called again, and this time it raises
:class:`StepAbandoned` inside the step. It does so only in blocks that say that they can be left at
any point (:func:`interruptible`).
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType

REPEAT_SECONDS = 1.0
"""Signals within this time are one request. A terminal signals every process, and a launcher such
as ``torchrun`` signals its own processes again."""

GRACE_SECONDS = 1.0
"""Time for a step to end by itself before it is abandoned."""

NOTICE = "stopping after this step, or within it if it is a long one"


class StepAbandoned(KeyboardInterrupt):
    """Raised in a step that is left before its end; the work as a whole ends, too.

    Where nothing handles it, it has the effect of Ctrl-C.
    """


@dataclass
class StopRequest:
    """Whether a stop has been requested by a signal.

    Attributes:
        made: Whether it has.
        abandoned: Whether a step was abandoned for it.
    """

    made: bool = False
    abandoned: bool = False
    _inside: bool = field(default=False, repr=False)  # an interruptible block
    _is_prodded: bool = field(default=False, repr=False)  # the next signal is the watcher's

    def prod(self) -> None:
        """Have the handler called in the main thread as if by a signal; from another thread."""
        if self._inside and not (self.abandoned or self._is_prodded):
            self._is_prodded = True
            if sys.platform == "win32":
                _thread.interrupt_main(signal.SIGINT)
            else:  # this also ends a wait for other threads
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def take_prod(self) -> bool:
        """Whether the handler was called by :meth:`prod`; raises if a step can be abandoned.

        Raises:
            StepAbandoned: In an interruptible block.
        """
        if not self._is_prodded:
            return False
        self._is_prodded = False
        if self._inside and not self.abandoned:
            self.abandoned = True
            raise StepAbandoned
        return True


_current: StopRequest | None = None
"""Of the innermost :func:`stop_on_interrupt`: signals are the process's, and so is this."""


@contextlib.contextmanager
def interruptible(*, enabled: bool = True) -> Iterator[None]:
    """The block may be left at any point by :class:`StepAbandoned` after a stop signal.

    Args:
        enabled: Whether it may.
    """
    request = _current
    is_main = threading.current_thread() is threading.main_thread()
    if not enabled or request is None or request._inside or not is_main:
        yield
        return
    request._inside = True
    try:
        yield
    finally:
        request._inside = False


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


@contextlib.contextmanager
def interrupts_like_ctrl_c() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP raise ``KeyboardInterrupt``, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _handled(_stop_signals()[1:], _raise_interrupt):
        yield


@contextlib.contextmanager
def stop_on_interrupt(notice: str = NOTICE) -> Iterator[StopRequest]:
    """Within the block the first stop signal is only recorded; a second one stops at once.

    A signal less than ``REPEAT_SECONDS`` after the first does not count as a second one. Outside
    the main thread, where signals cannot be handled, they keep their usual effect.

    Args:
        notice: Printed on stderr as soon as the first signal arrives, after the program's name;
            nothing if empty.
    """
    global _current
    request, requested_at = StopRequest(), 0.0
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def record(signum: int, frame: FrameType | None) -> None:
        nonlocal requested_at
        if request.take_prod():
            return
        if not request.made:
            request.made, requested_at = True, time.monotonic()
        elif time.monotonic() > requested_at + REPEAT_SECONDS:
            raise KeyboardInterrupt

    before, _current = _current, request
    try:
        with _handled(_stop_signals(), record), _watched(request, notice, is_outer=before is None):
            yield request
    finally:
        _current = before


def _stop_signals() -> list[signal.Signals]:
    """The signals that request a stop: Ctrl-C, ``kill``, and a terminal that is closed.

    One that is ignored (SIGHUP under ``nohup``) stays ignored; Ctrl-C never is.
    """
    names = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    others = [getattr(signal, name) for name in names if hasattr(signal, name)]
    heard = [s for s in others if signal.getsignal(s) is not signal.SIG_IGN]
    return [signal.SIGINT, *heard]


@contextlib.contextmanager
def _handled(numbers: list[signal.Signals], handler: signal._HANDLER) -> Iterator[None]:
    """Within the block these signals have that handler."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            # None: it was not set by Python, and cannot be set again.
            signal.signal(number, signal.SIG_DFL if previous is None else previous)


def _raise_interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _watched(request: StopRequest, notice: str, *, is_outer: bool) -> Iterator[None]:
    """Within the block a thread hears of every signal at once, whatever the main thread does."""
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    previous = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    # That of an outer block would acknowledge the signal, too.
    forward_to = previous if is_outer else -1
    numbers = frozenset(map(int, _stop_signals()))
    watcher = threading.Thread(
        target=_watch, args=(receiver, request, notice, numbers, forward_to), daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        with contextlib.suppress(ValueError, OSError):
            signal.set_wakeup_fd(previous, warn_on_full_buffer=False)
        sender.close()  # ends the watcher
        watcher.join()
        receiver.close()


def _watch(
    receiver: socket.socket,
    request: StopRequest,
    notice: str,
    numbers: frozenset[int],
    forward_to: int,
) -> None:
    """Acknowledge the first stop signal, and prod the main thread if it does not stop."""
    printing: threading.Thread | None = None
    while True:
        try:
            received = receiver.recv(64)
        except TimeoutError:
            request.prod()
            continue
        if not received:
            break
        if forward_to >= 0:
            with contextlib.suppress(OSError):
                os.write(forward_to, received)
        if printing is None and numbers & set(received):
            # In a thread of its own: a full pipe must not keep the work from being stopped.
            printing = threading.Thread(target=_acknowledge, args=(notice,), daemon=True)
            printing.start()
            receiver.settimeout(GRACE_SECONDS)
    if printing is not None:
        printing.join(GRACE_SECONDS)  # before anything else is printed


def _acknowledge(notice: str) -> None:
    if not notice:
        return
    with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):
        # In one call, so that a bar that is drawn at the same time does not come between.
        sys.stderr.write(f"impasto: {notice}\n")
        sys.stderr.flush()


def _forget_after_fork() -> None:
    """A child process has neither the watcher nor a request of its own."""
    global _current
    if _current is not None:
        _current = None
        with contextlib.suppress(ValueError):
            signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
