"""Devices by name, and what a device can compute.

Everything else is written for any device: tensors are made on the device of their inputs. Only what
some devices lack is asked for here: float64, or single operations.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import OptionError, option

DEVICES = ("cuda", "xpu", "mps", "cpu")
"""Kinds of devices, in the order that ``auto`` prefers: GPUs of NVIDIA or AMD, Intel, Apple."""

CPU = torch.device("cpu")

DeviceLike: TypeAlias = torch.device | str
"""A device or its name, see :func:`find_device`."""


def find_device(name: DeviceLike = "auto") -> torch.device:
    """The device to paint on, checked to be available.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:1``, ``xpu``, ``mps``, …; ``auto`` is the first GPU that can
            paint, in the order of ``DEVICES``, else the CPU.

    Raises:
        OptionError: If the name is unknown or the device is not available.
    """
    if name != "auto":
        return _named(name)
    available = filter(_is_available, map(torch.device, DEVICES))
    return next(filter(_can_paint, map(_indexed, available)))


def find_training_device(name: DeviceLike = "auto") -> torch.device:
    """The device to train on: as :func:`find_device`, but ``auto`` is never Apple's GPU.

    That lacks what training needs in every step (eigenvalues, float64).

    Raises:
        OptionError: If the name is unknown or the device is not available.
    """
    if name != "auto":
        return _named(name)
    available = filter(_is_available, map(torch.device, DEVICES))
    return _indexed(next(device for device in available if device.type != "mps"))


def device_module(device: torch.device) -> Any:
    """PyTorch's module of a device, such as ``torch.cuda``; None for the CPU."""
    return None if device.type == "cpu" else getattr(torch, device.type, None)


def synchronize(device: torch.device) -> None:
    """Wait until a device has finished all its work, to measure time."""
    module = device_module(device)
    if module is not None:
        module.synchronize()


@functools.cache
def has_float64(device: torch.device) -> bool:
    """Whether a device has float64, which Apple's GPUs have not."""
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):
        return False
    return True


def as_float64(x: Tensor) -> Tensor:
    """A tensor in float64: on its device, or on the CPU if the device has no float64."""
    return (x if has_float64(x.device) else x.cpu()).double()


def as_widest_float(x: Tensor) -> Tensor:
    """A tensor in float64, or in float32 if its device has no float64."""
    return x.double() if has_float64(x.device) else x.float()


def on_cpu_if_missing(function: Callable[..., Any], *tensors: Tensor, **options: Any) -> Any:
    """``function(*tensors, **options)``: on their device, or on the CPU if it lacks an operation.

    For what is done once for a picture, or on small matrices.

    Args:
        function: Returns a tensor or a tuple of tensors.
        tensors: All on one device.
        options: Other arguments.
    """
    device = tensors[0].device
    if (function, device) not in _MISSING:
        try:
            return function(*tensors, **options)
        except RuntimeError as error:  # of which NotImplementedError is one
            if "not implemented" not in str(error) and "could not run" not in str(error).lower():
                raise
            _MISSING.add((function, device))
    result = function(*(tensor.cpu() for tensor in tensors), **options)
    if isinstance(result, Tensor):
        return result.to(device)
    return tuple(part.to(device) for part in result)


_MISSING: set[tuple[Callable[..., Any], torch.device]] = set()
"""Functions that have failed on a device: not tried again."""


def parse_device(name: DeviceLike) -> torch.device:
    """The device of a name, whether this machine has it or not.

    Raises:
        OptionError: If there is no such kind of device.
    """
    try:
        return torch.device(name)
    except RuntimeError as error:
        kinds = ", ".join(reversed(DEVICES))
        raise OptionError(
            f"{option('device')} {name} is not a device: choose one of auto, {kinds}."
        ) from error


def _named(name: DeviceLike) -> torch.device:
    device = parse_device(name)
    if not _is_available(device):
        raise OptionError(
            f"{option('device')} {name}: this PyTorch ({torch.__version__}) sees no such device; "
            "choose auto or cpu."
        )
    return _indexed(device)


def _indexed(device: torch.device) -> torch.device:
    """The device as its tensors name it: what is measured is kept by device."""
    if device.type == "cpu":
        return CPU
    index: int | None = device.index
    if index is not None:
        return device
    module = device_module(device)
    is_started = hasattr(module, "is_initialized") and module.is_initialized()
    return torch.device(device.type, module.current_device() if is_started else 0)


def _is_available(device: torch.device) -> bool:
    index = device.index or 0
    if device.type == "cpu":
        return index == 0
    if device.type == "mps":
        return index == 0 and torch.backends.mps.is_available()
    module = device_module(device)
    if module is None or not hasattr(module, "is_available") or not module.is_available():
        return False
    return index < int(module.device_count())


@functools.cache
def _can_paint(device: torch.device) -> bool:
    """Whether a device has what every step of a painting needs; false for old systems of Apple."""
    if device.type in ("cpu", "cuda"):
        return True
    try:
        picture = torch.rand(1, 3, 16, 16).to(device).requires_grad_(True)
        weight = torch.ones(4, 3, 3, 3).to(device)
        maps = F.conv2d(picture, weight).to(memory_format=torch.channels_last).relu()
        vectors = F.avg_pool2d(maps, 2).flatten(2).mT
        (vectors.mT @ vectors).square().sum().backward()  # type: ignore[no-untyped-call]
        spectrum = torch.view_as_complex(torch.view_as_real(torch.fft.rfft2(picture.detach())))
        ordered, _ = torch.fft.irfft2(spectrum, s=(16, 16)).flatten().sort()
        torch.searchsorted(ordered, ordered).sum().item()
    except (RuntimeError, TypeError):  # NotImplementedError is a RuntimeError
        return False
    return True
