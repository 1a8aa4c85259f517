"""Which number type is chosen, with simulated timings."""

from __future__ import annotations

import itertools

import pytest
import torch

from impasto.errors import OptionError
from impasto.runtime import precision
from impasto.runtime.precision import PRECISIONS, autocast, bfloat16_is_faster, compute_dtype


@pytest.fixture(autouse=True)
def clear_cache():
    """Simulated timings must not outlive their test."""
    bfloat16_is_faster.cache_clear()
    yield
    bfloat16_is_faster.cache_clear()


@pytest.fixture
def clock(monkeypatch):
    """Set the seconds that a convolution takes in each type; record the runs."""
    runs = []

    def set_clock(float32, bfloat16):
        seconds = {
            torch.float32: itertools.cycle(float32),
            torch.bfloat16: itertools.cycle(bfloat16),
        }

        def timed(dtype):
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
def test_the_faster_type_is_chosen(clock, float32, bfloat16, dtype):
    clock(float32, bfloat16)
    assert compute_dtype("auto") == compute_dtype() == dtype


def test_types_are_measured_once_and_alternate(clock):
    runs = clock([1.0], [0.5])
    for _ in range(3):
        compute_dtype("auto", "cpu")
    assert runs == [torch.float32, torch.bfloat16] * 5


@pytest.mark.parametrize(("supported", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_cuda_is_queried_and_not_measured(clock, monkeypatch, supported, dtype):
    runs = clock([1.0], [1.0])
    queries = []

    def is_supported(*, including_emulation):
        queries.append(including_emulation)
        return supported

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    assert compute_dtype("auto", "cuda:0") == dtype
    assert queries == [False]
    assert runs == []


def test_other_devices_get_float32(clock):
    runs = clock([1.0], [0.1])
    assert compute_dtype("auto", "mps") == torch.float32
    assert runs == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_real_convolution_takes_some_time(dtype):
    assert 0 < precision._time_convolution(dtype) < 5


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
