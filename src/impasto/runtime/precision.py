"""The number type and the layout in which convolutions are fastest on a device.

With hardware support (AVX512-BF16, AMX, GPUs since NVIDIA's Ampere) bf16 halves the time of a
convolution. Emulated, it takes 30 to 60 times as long, and no flag shows the difference on every
platform. Channels last is the layout of tensor cores and of oneDNN, but not of every GPU. So small
convolutions are timed once per process and device. The outcomes are so far apart that the choice
is the same in every run.

Float32 is timed as PyTorch computes it: on CUDA convolutions are in TF32, unless the program has
set ``torch.backends.cudnn.allow_tf32 = False``. The library sets no such switch itself, since they
hold for the whole process.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import nn

from impasto.errors import unknown_name
from impasto.runtime.devices import CPU, synchronize
from impasto.runtime.threads import best_seconds

PRECISIONS = ("auto", "float32", "bfloat16")

Module = TypeVar("Module", bound=nn.Module)

_CONVOLUTIONS = 20
"""Convolutions timed together on a GPU, so that the start of each weighs little."""

_CPU_SHAPE, _GPU_SHAPE = (1, 32, 64), (2, 128, 128)
"""Batch, channels and side of the maps; on a GPU large enough to fill it."""


def compute_dtype(precision: str = "auto", device: str | torch.device = CPU) -> torch.dtype:
    """The type to run an encoder in.

    Args:
        precision: One of ``PRECISIONS``; ``"auto"`` measures. ``"float32"`` is the storage type:
            on CUDA, PyTorch by default multiplies in TF32 inside convolutions.
        device: Where it runs.

    Raises:
        OptionError: If the precision is unknown.
    """
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    if precision == "auto":
        return torch.bfloat16 if bfloat16_is_faster(torch.device(device)) else torch.float32
    return torch.float32 if precision == "float32" else torch.bfloat16


@functools.cache
def bfloat16_is_faster(device: torch.device = CPU) -> bool:
    """Whether a bf16 convolution beats float32 on a device; takes about 20 ms, once."""
    try:
        _convolve(device, torch.bfloat16, torch.channels_last)
    except (RuntimeError, TypeError):  # the device does not know the type
        return False
    float32, bfloat16 = _seconds(device, [(torch.float32, torch.channels_last),
                                          (torch.bfloat16, torch.channels_last)])  # fmt: skip
    return bfloat16 < 0.8 * float32


@functools.cache
def fastest_layout(device: torch.device, dtype: torch.dtype) -> torch.memory_format:
    """Channels last, unless a device convolves the other layout faster; measured once."""
    if device.type == "cpu":
        return torch.channels_last
    contiguous, last = _seconds(device, [(dtype, torch.contiguous_format),
                                         (dtype, torch.channels_last)])  # fmt: skip
    return torch.contiguous_format if contiguous < 0.8 * last else torch.channels_last


def moved(module: Module, device: torch.device, dtype: torch.dtype | None = None) -> Module:
    """The module itself, on a device, in a type and in the layout that is fastest there."""
    module.to(device=device, dtype=dtype)
    if device.type != "cpu":
        own = next((p.dtype for p in module.parameters()), torch.float32)
        module.to(memory_format=fastest_layout(device, own))  # type: ignore[call-overload]
    return module


def autocast(
    precision: str = "auto", device: str | torch.device = CPU
) -> contextlib.AbstractContextManager[None]:
    """A context for training with convolutions in bf16 and master weights in float32.

    Raises:
        OptionError: If the precision is unknown.
    """
    if compute_dtype(precision, device) == torch.bfloat16:
        return torch.autocast(torch.device(device).type, torch.bfloat16)
    return contextlib.nullcontext()


def _seconds(
    device: torch.device, ways: Sequence[tuple[torch.dtype, torch.memory_format]]
) -> list[float]:
    """The least time of a convolution in each type and layout."""
    timers = [functools.partial(_time_convolution, device, *way) for way in ways]
    if device.type == "cpu":
        return best_seconds(timers)
    rounds = [[timer() for timer in timers] for _ in range(5)]  # they alternate
    return [min(column) for column in zip(*rounds, strict=True)]


def _time_convolution(
    device: torch.device, dtype: torch.dtype, layout: torch.memory_format
) -> float:
    convolve = _convolve(device, dtype, layout)
    if device.type == "cpu":
        started = time.thread_time()
        convolve()
        return time.thread_time() - started
    synchronize(device)
    started = time.perf_counter()
    for _ in range(_CONVOLUTIONS):
        convolve()
    synchronize(device)
    return time.perf_counter() - started


def _convolve(
    device: torch.device, dtype: torch.dtype, layout: torch.memory_format
) -> Callable[[], object]:
    """A convolution, done once already: the first call builds the kernel."""
    batch, width, side = _CPU_SHAPE if device.type == "cpu" else _GPU_SHAPE

    def ones(*shape: int) -> torch.Tensor:
        return torch.ones(shape, dtype=dtype, device=device).to(memory_format=layout)

    image, weight = ones(batch, width, side, side), ones(width, width, 3, 3)

    def convolve() -> object:
        with torch.inference_mode():
            return F.conv2d(image, weight, padding=1)

    convolve()
    return convolve
