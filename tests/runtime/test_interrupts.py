"""Stop signals: the first is a request, repeats within a second are the same, a later one stops."""

from __future__ import annotations

import signal
import threading

import pytest

from impasto.runtime import interrupts
from impasto.runtime.interrupts import stop_on_interrupt


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
