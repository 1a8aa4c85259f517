"""Work is done in a thread, or at once if no thread can be started."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from impasto.runtime.background import start_in


def test_work_in_a_thread():
    with ThreadPoolExecutor(1) as pool:
        assert start_in(pool, threading.get_ident).result() != threading.get_ident()


def test_an_error_is_raised_by_the_result():
    with ThreadPoolExecutor(1) as pool:
        future = start_in(pool, lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            future.result()


def test_without_a_thread_it_is_done_once_and_here(monkeypatch):
    calls = []
    start = threading.Thread.start

    def refused(thread):
        raise RuntimeError("can't start new thread")

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(threading.Thread, "start", refused)
        future = start_in(pool, lambda: calls.append(threading.get_ident()) or 7)
        assert future.result() == 7
        monkeypatch.setattr(threading.Thread, "start", start)
        assert start_in(pool, lambda: 8).result() == 8  # a thread now finds both in its queue
    assert calls == [threading.get_ident()]


def test_a_closed_pool_is_an_error():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        start_in(pool, lambda: 1)
