"""Stop signals: the first is a request, repeats within a second are the same, a later one stops."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import torch

from impasto.runtime import interrupts
from impasto.runtime.interrupts import (
    StepAbandoned,
    interruptible,
    interrupts_like_ctrl_c,
    stop_on_interrupt,
)


def test_the_first_is_recorded_and_the_old_handler_restored():
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as request:
        assert not request.made
        signal.raise_signal(signal.SIGINT)
        assert request.made
    assert signal.getsignal(signal.SIGINT) is before


def test_repeats_by_a_launcher_do_not_stop_at_once():
    """Processes under torchrun get one Ctrl-C from the terminal and one from torchrun."""
    with stop_on_interrupt() as request:
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        assert request.made


def test_a_second_one_stops_at_once(monkeypatch):
    seconds = iter([10.0, 10.0 + interrupts.REPEAT_SECONDS + 0.1])
    monkeypatch.setattr(interrupts.time, "monotonic", lambda: next(seconds))
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as request:
        signal.raise_signal(signal.SIGINT)
        assert request.made
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_old_handler_is_restored_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    inside = []

    def fail() -> None:
        with stop_on_interrupt():
            inside.append(signal.getsignal(signal.SIGINT))
            raise RuntimeError("in the block")

    with pytest.raises(RuntimeError, match="in the block"):
        fail()
    assert inside != [before]
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_keep_the_old_handler():
    before, observed = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with stop_on_interrupt() as request:
            observed.append((request.made, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert observed == [(False, before)]


STOPPING = [s for s in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, s)]


@pytest.mark.parametrize("name", STOPPING)
def test_each_stop_signal_is_a_request(name):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with stop_on_interrupt() as request:
        signal.raise_signal(number)
        assert request.made
    assert signal.getsignal(number) is before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGHUP here")
def test_under_nohup_a_closed_terminal_stops_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_interrupt() as request:
            signal.raise_signal(signal.SIGHUP)
            assert not request.made
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


# --- acknowledged at once, obeyed within a step ---------------------------------------------------


def test_the_first_is_acknowledged_once(capsys):
    with stop_on_interrupt("stopping soon"):
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().err == "impasto: stopping soon\n"


LONG_CALL = """
import hashlib, os, threading
from impasto.runtime.interrupts import stop_on_interrupt
with stop_on_interrupt() as request:
    threading.Timer(0.3, lambda: print("sent", flush=True)).start()
    threading.Timer(0.5, os.kill, (os.getpid(), 15)).start()
    # No instruction of Python's for seconds; a signal would end a sleep.
    hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 6_000_000)
    print(f"returned {request.made}\\n", end="", flush=True)
"""


def test_it_is_acknowledged_while_the_main_thread_is_in_a_long_call():
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", LONG_CALL], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    lines, _ = process.communicate(timeout=60)
    assert lines.splitlines() == [
        "sent",
        "impasto: stopping after this step, or within it if it is a long one",
        "returned True",
    ]


def long_step(seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)


def test_a_long_step_is_abandoned_within_two_seconds():
    with stop_on_interrupt() as request:
        signal.raise_signal(signal.SIGINT)
        started = time.monotonic()
        with pytest.raises(StepAbandoned), interruptible():
            long_step()
        assert time.monotonic() - started < 2
        assert request.abandoned
        with interruptible():
            long_step(1.3)  # once is enough


def test_a_short_step_ends_by_itself():
    with stop_on_interrupt() as request:
        with interruptible():
            signal.raise_signal(signal.SIGINT)
            long_step(0.1)
        long_step(1.3)  # not a step
        assert request.made
        assert not request.abandoned


def test_nothing_is_abandoned_elsewhere():
    with interruptible():
        long_step(0.01)
    with stop_on_interrupt() as request, interruptible(enabled=False):
        signal.raise_signal(signal.SIGINT)
        long_step(1.3)
    assert not request.abandoned


def test_a_backward_pass_is_abandoned():
    """Its functions are called by torch, through which the exception has to come."""

    class Slow(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            long_step()
            return gradient

    x = torch.ones(2, requires_grad=True)
    loss = Slow.apply(x).sum()
    with stop_on_interrupt():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(StepAbandoned), interruptible():
            torch.autograd.grad(loss, x)


def test_a_full_pipe_does_not_keep_it_from_stopping(monkeypatch):
    released = threading.Event()

    class Full:
        def write(self, text: str) -> None:
            released.wait(20)

        def flush(self) -> None:
            pass

    monkeypatch.setattr(sys, "stderr", Full())
    with stop_on_interrupt():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(StepAbandoned), interruptible():
            long_step()
    released.set()


def test_one_within_another_is_acknowledged_once(capsys):
    with stop_on_interrupt("outer") as outer, stop_on_interrupt("inner") as inner:
        signal.raise_signal(signal.SIGINT)
        assert inner.made
        assert not outer.made
    assert capsys.readouterr().err == "impasto: inner\n"


def test_who_else_listens_for_signals_goes_on_hearing_them():
    """As an event loop of asyncio does."""
    here, there = socket.socketpair()
    there.setblocking(False)
    before = signal.set_wakeup_fd(there.fileno())
    try:
        with stop_on_interrupt():
            signal.raise_signal(signal.SIGINT)
            here.settimeout(10)
            assert here.recv(1) == bytes([signal.SIGINT])
        assert signal.set_wakeup_fd(before) == there.fileno()
    finally:
        signal.set_wakeup_fd(before)
        here.close()
        there.close()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_elsewhere_they_end_a_command_as_ctrl_c_does(name):
    if not hasattr(signal, name):
        pytest.skip("there is no such signal here")
    before = signal.getsignal(getattr(signal, name))
    with pytest.raises(KeyboardInterrupt), interrupts_like_ctrl_c():
        signal.raise_signal(getattr(signal, name))
    assert signal.getsignal(getattr(signal, name)) is before
