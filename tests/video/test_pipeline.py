"""Reading ahead and writing behind: order, errors, ends."""

from __future__ import annotations

import threading
import time

import pytest

from impasto.video.pipeline import AHEAD, ReadAhead, WriteBehind


def test_items_come_in_order_and_few_ahead():
    made = []

    def items():
        for number in range(20):
            made.append(number)
            yield number

    reader = ReadAhead(items())
    assert next(reader) == 0
    time.sleep(0.3)
    assert len(made) <= AHEAD + 2
    assert list(reader) == list(range(1, 20))
    reader.close()


def test_an_error_is_raised_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("broken")

    reader = ReadAhead(items())
    assert next(reader) == 1
    with pytest.raises(ValueError, match="broken"):
        next(reader)
    reader.close()


def test_a_reader_that_is_not_read_ends():
    before = set(threading.enumerate())
    reader = ReadAhead(iter(range(1000)))
    reader.close()
    time.sleep(0.1)
    assert set(threading.enumerate()) <= before


def test_work_is_done_in_order_and_its_error_is_raised():
    done = []
    writer = WriteBehind()
    for number in range(20):
        writer.add(lambda number=number: done.append(number))
    writer.finish()
    assert done == list(range(20))
    writer = WriteBehind()
    writer.add(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        writer.finish()
    with pytest.raises(ZeroDivisionError):
        writer.add(lambda: None)


def test_work_that_waits_when_it_is_closed_is_done():
    done = []
    writer = WriteBehind()
    for number in range(AHEAD):
        writer.add(lambda number=number: (time.sleep(0.02), done.append(number)))
    writer.close()
    assert done == list(range(AHEAD))
