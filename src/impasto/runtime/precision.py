"""The number type in which convolutions are fastest on this machine.

With hardware support (AVX512-BF16, AMX, CUDA since Ampere) bf16 halves the time of a convolution.
Emulated, it takes 30 to 60 times as long, and no CPU flag shows the difference on every platform.
So a small convolution is timed once per process. The two outcomes are so far apart that the choice
is the same in every run.
"""

from __future__ import annotations

import contextlib
import functools
import time

import torch
import torch.nn.functional as F

from impasto.errors import unknown_name
from impasto.runtime.threads import best_seconds

PRECISIONS = ("auto", "float32", "bfloat16")


def compute_dtype(precision: str = "auto", device: str = "cpu") -> torch.dtype:
    """The type to run an encoder in.

    Args:
        precision: One of ``PRECISIONS``; ``"auto"`` measures. ``"float32"`` is the storage type:
            on CUDA, PyTorch by default multiplies in TF32 inside convolutions.
        device: ``"cpu"``, ``"cuda"``, …

    Raises:
        OptionError: If the precision is unknown.
    """
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    if precision == "auto":
        return torch.bfloat16 if bfloat16_is_faster(device) else torch.float32
    return torch.float32 if precision == "float32" else torch.bfloat16


@functools.cache
def bfloat16_is_faster(device: str = "cpu") -> bool:
    """Whether a bf16 convolution beats float32 on a device; takes about 20 ms, once."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not device.startswith("cpu"):
        return False
    float32, bfloat16 = best_seconds(
        [functools.partial(_time_convolution, dtype) for dtype in (torch.float32, torch.bfloat16)]
    )
    return bfloat16 < 0.8 * float32


def autocast(
    precision: str = "auto", device: str = "cpu"
) -> contextlib.AbstractContextManager[None]:
    """A context for training with convolutions in bf16 and master weights in float32.

    Raises:
        OptionError: If the precision is unknown.
    """
    if compute_dtype(precision, device) == torch.bfloat16:
        return torch.autocast(device.split(":")[0], torch.bfloat16)
    return contextlib.nullcontext()


def _time_convolution(dtype: torch.dtype) -> float:
    image = torch.ones(1, 32, 64, 64, dtype=dtype).to(memory_format=torch.channels_last)
    weight = torch.ones(32, 32, 3, 3, dtype=dtype).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        F.conv2d(image, weight, padding=1)  # the first call builds the kernel
        started = time.thread_time()
        F.conv2d(image, weight, padding=1)
        return time.thread_time() - started
