"""Which number type and layout are chosen, with simulated timings."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from impasto.errors import OptionError
from impasto.runtime import precision
from impasto.runtime.precision import (
    PRECISIONS,
    autocast,
    bfloat16_is_faster,
    compute_dtype,
    fastest_layout,
    moved,
)

CONTIGUOUS, LAST = torch.contiguous_format, torch.channels_last
META = torch.device("meta")
"""A device that computes nothing, at once: timings are simulated."""


@pytest.fixture(autouse=True)
def clear_cache():
    """Simulated timings must not outlive their test."""
    yield
    bfloat16_is_faster.cache_clear()
    fastest_layout.cache_clear()


@pytest.fixture
def clock(monkeypatch):
    """Set the seconds that a convolution takes in each type; record the runs."""
    bfloat16_is_faster.cache_clear()
    runs = []

    def set_clock(float32, bfloat16):
        seconds = {
            torch.float32: itertools.cycle(float32),
            torch.bfloat16: itertools.cycle(bfloat16),
        }

        def timed(device, dtype, layout):
            assert layout == LAST
            runs.append(dtype)
            return next(seconds[dtype])

        monkeypatch.setattr(precision, "_time_convolution", timed)
        return runs

    return set_clock


@pytest.mark.parametrize(
    ("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_named_type_is_used_without_measuring(clock, name, dtype, device):
    runs = clock([1.0], [1.0])
    assert compute_dtype(name, device) == dtype
    assert runs == []


@pytest.mark.parametrize(
    ("float32", "bfloat16", "dtype"),
    [
        ([1.0], [0.5], torch.bfloat16),
        ([1.0], [40.0], torch.float32),
        ([1.0], [0.9], torch.float32),  # too small a gain for the lost precision
        ([9.0, 9.0, 1.0, 9.0, 9.0], [0.5], torch.bfloat16),  # the best of several counts
        ([1.0], [9.0, 9.0, 9.0, 9.0, 0.5], torch.bfloat16),
        ([9.0, 0.5, 9.0, 9.0, 9.0], [0.45], torch.float32),
    ],
)
@pytest.mark.parametrize("device", ["cpu", META])
def test_the_faster_type_is_chosen(clock, device, float32, bfloat16, dtype):
    clock(float32, bfloat16)
    assert compute_dtype("auto", device) == dtype


def test_the_default_is_that_of_the_cpu(clock):
    clock([1.0], [0.5])
    assert compute_dtype() == compute_dtype("auto", "cpu") == torch.bfloat16


def test_types_are_measured_once_and_alternate(clock):
    runs = clock([1.0], [0.5])
    for _ in range(3):
        compute_dtype("auto", "cpu")
    assert runs == [torch.float32, torch.bfloat16] * 5


def test_every_device_is_measured_by_itself(clock):
    clock([1.0], [0.5])
    assert compute_dtype("auto", "cpu") == torch.bfloat16
    clock([1.0], [2.0])
    assert compute_dtype("auto", META) == torch.float32


def test_a_device_without_the_type_gets_float32(clock, monkeypatch):
    runs = clock([1.0], [0.1])

    def convolve(device, dtype, layout):
        raise TypeError("BFloat16 is not supported on this device")

    monkeypatch.setattr(precision, "_convolve", convolve)
    assert compute_dtype("auto", META) == torch.float32
    assert runs == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_real_convolution_takes_some_time(dtype):
    assert 0 < precision._time_convolution(torch.device("cpu"), dtype, LAST) < 5


@pytest.mark.parametrize(
    ("contiguous", "last", "layout"),
    [(1.0, 0.4, LAST), (1.0, 1.1, LAST), (0.5, 1.0, CONTIGUOUS)],
)
def test_the_layout_is_channels_last_unless_the_other_is_clearly_faster(
    monkeypatch, contiguous, last, layout
):
    seconds = {CONTIGUOUS: contiguous, LAST: last}
    monkeypatch.setattr(precision, "_time_convolution", lambda device, dtype, at: seconds[at])
    assert fastest_layout(META, torch.float32) == layout
    module = nn.Conv2d(4, 4, 3).to(memory_format=LAST)
    weight = moved(module, META, torch.bfloat16).weight
    assert (weight.device, weight.dtype) == (META, torch.bfloat16)
    assert weight.is_contiguous(memory_format=layout)


def test_the_layout_on_a_cpu_is_not_measured(monkeypatch):
    monkeypatch.setattr(precision, "_time_convolution", None)
    assert fastest_layout(torch.device("cpu"), torch.float32) == LAST


@pytest.mark.parametrize(("bfloat16", "dtype"), [(0.5, torch.bfloat16), (2.0, torch.float32)])
def test_autocast_is_on_where_it_is_faster(clock, bfloat16, dtype):
    clock([1.0], [bfloat16])
    weight = torch.ones(2, 2, requires_grad=True)
    with autocast():
        product = torch.ones(2, 2) @ weight
    assert product.dtype == dtype
    product.sum().backward()
    assert weight.grad.dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_autocast_by_name(clock, name, dtype):
    runs = clock([1.0], [1.0])
    with autocast(name):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
    assert runs == []


def test_an_unknown_precision_lists_them():
    with pytest.raises(OptionError, match=", ".join(PRECISIONS) + r"\. Did you mean 'bfloat16'"):
        compute_dtype("float16")
