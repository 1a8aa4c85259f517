"""A device of its own, "away", that computes on the CPU: what runs on it needs no other on a GPU.

Its tensors hold their numbers in tensors of the CPU that nothing else sees. So values, control flow
and gradients are real, and can be compared with those of the CPU. As on a GPU, an operation on
tensors of two devices is an error, except for copies and single numbers.

:func:`away_only` forbids everything else as well: within it, no tensor with more than a few numbers
may be on the CPU, nor be copied from there or to there.

On demand the device lacks what Apple's GPUs lack or have lacked: float64, eigenvalues, antialiased
resizing.

Outside :func:`emulated` the device is not available. A process that had it once keeps its name, and
``torch.accelerator.current_accelerator()`` gives that unless asked for what is available.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from impasto.runtime import devices, precision

NAME = "away"

FEW = 128
"""Numbers of a tensor that the CPU may work on: those of a line search, no part of a picture."""

FREE = 8 * 10**9
"""Free memory of the device."""

_COPIES = ("aten::_to_copy", "aten::copy_")
_RARE = (
    "aten::_linalg_eigh", "aten::linalg_cholesky_ex", "aten::_upsample_bicubic2d_aa",
    "aten::_upsample_bilinear2d_aa", "aten::_adaptive_avg_pool2d",
)  # fmt: skip


class AwayTensor(Tensor):
    """A tensor of the device; ``held`` has its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> AwayTensor:
        tensor = Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(),
            dtype=held.dtype, device=torch.device(NAME, 0),
        )  # fmt: skip
        tensor.held = held
        return tensor

    def __repr__(self) -> str:
        return f"AwayTensor({self.held}, device='{self.device}')"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Operations(TorchDispatchMode):
    """Factory functions of the device, and what :func:`away_only` forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.is_strict = False
        self.lacks_float64 = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = _run(func, args, kwargs)
        if self.is_strict:
            _check(func, [*tree_leaves((args, kwargs)), *tree_leaves(result)])
        return result


class _Constructors(TorchFunctionMode):
    """``torch.tensor`` and the like move numbers to a device below all modes: here in two steps."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            return func(*args, **kwargs).to(device)
        if func is Tensor.tolist:
            return func(args[0].cpu())
        if func is Tensor.untyped_storage and isinstance(args[0], AwayTensor):
            return func(args[0].held)
        if func is Tensor.new_tensor and isinstance(args[0], AwayTensor):
            return torch.tensor(args[1], dtype=kwargs.get("dtype", args[0].dtype)).to(
                args[0].device
            )
        if func in (Tensor.__getitem__, Tensor.__setitem__) and isinstance(args[0], AwayTensor):
            places = args[1] if isinstance(args[1], tuple) else (args[1],)
            moved = tuple(
                torch.tensor(place).to(args[0].device) if isinstance(place, list) else place
                for place in places
            )
            args = args[0], moved, *args[2:]
        return func(*args, **kwargs)


class _Module:
    """What ``torch.cuda`` is for CUDA."""

    free = FREE

    def __init__(self) -> None:
        self.synchronized = 0
        self.is_emulated = False

    def is_available(self) -> bool:
        return self.is_emulated

    def is_initialized(self) -> bool:
        return True

    def _is_in_bad_fork(self) -> bool:
        return False

    def _lazy_init(self) -> None:
        pass

    def current_device(self) -> int:
        return 0

    def manual_seed_all(self, seed: int) -> None:
        pass

    def device_count(self) -> int:
        return int(self.is_emulated)

    def synchronize(self) -> None:
        self.synchronized += 1

    def mem_get_info(self, device: torch.device) -> tuple[int, int]:
        return self.free, 2 * FREE

    def empty_cache(self) -> None:
        pass

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


def reserve_gradients() -> None:
    """Let the device have gradients; to be called before any are computed, of any device.

    PyTorch counts the devices when it computes the first gradient of a process, and fails on those
    that come later. It counts what has a guard, and asks for nothing else about it.
    """
    if _is_possible():
        guard = backend_registration._DummyDeviceGuard()
        torch._C._acc.register_python_privateuseone_device_guard(guard)


def _is_possible() -> bool:
    """Whether this PyTorch has devices written in Python."""
    return hasattr(backend_registration, "_setup_privateuseone_for_python_backend")


_operations = _Operations()
_MEASURED = (precision.bfloat16_is_faster, precision.fastest_layout)


@contextlib.contextmanager
def emulated(*, lacks_float64: bool = False, contiguous: bool = False) -> Iterator[_Module]:
    """Within the block there is the device ``away:0``.

    Args:
        lacks_float64: Whether it lacks float64 and some operations.
        contiguous: Whether it convolves maps faster whose channels are not last.
    """
    if not _is_possible():
        pytest.skip("this PyTorch has no devices written in Python")
    if not hasattr(torch, NAME):
        backend_registration._setup_privateuseone_for_python_backend(NAME, _Module())
    module = getattr(torch, NAME)
    with pytest.MonkeyPatch.context() as patch, _Constructors(), _operations:
        patch.setattr(module, "is_emulated", True)
        measure = precision._time_convolution

        def seconds(device: torch.device, dtype: torch.dtype, layout: torch.memory_format) -> float:
            if device.type != NAME:
                return measure(device, dtype, layout)
            return 0.1 if (layout == torch.contiguous_format) is contiguous else 1.0

        patch.setattr(precision, "_time_convolution", seconds)
        patch.setattr(precision, "_GPU_SHAPE", (1, 2, 4))
        patch.setattr(_operations, "lacks_float64", lacks_float64)
        patch.setattr(devices, "_MISSING", set())
        for measured in (devices.has_float64, *_MEASURED):
            measured.cache_clear()
        yield module


@contextlib.contextmanager
def away_only() -> Iterator[None]:
    """Within the block, work on the CPU and copies from or to it are errors."""
    _operations.is_strict = True
    try:
        yield
    finally:
        _operations.is_strict = False


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """An operation, on the numbers that the device's tensors hold."""
    name = func._schema.name
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    ours = [tensor for tensor in tensors if isinstance(tensor, AwayTensor)]
    others = [tensor for tensor in tensors if not isinstance(tensor, AwayTensor) and tensor.ndim]
    if ours and others and name not in _COPIES:
        raise RuntimeError(f"{name}: all tensors must be on one device, not on {NAME} and the CPU")
    is_ours = isinstance(args[0], AwayTensor) if name == "aten::copy_" else bool(ours)
    if (asked := kwargs.get("device")) is not None:
        is_ours = torch.device(asked).type == NAME
        kwargs = {**kwargs, "device": torch.device("cpu") if is_ours else asked}
    if is_ours and _operations.lacks_float64 and name in _RARE:
        raise NotImplementedError(f"The operator '{name}' is not implemented for {NAME}")
    result = func(*tree_map(_held, args), **tree_map(_held, kwargs))
    by_held = {id(tensor.held): tensor for tensor in ours}

    def wrapped(value: Any) -> Any:
        if not isinstance(value, Tensor) or not is_ours:
            return value
        if id(value) in by_held:  # an operation in place returns the tensor itself
            return by_held[id(value)]
        if _operations.lacks_float64 and value.dtype in (torch.float64, torch.complex128):
            raise TypeError(f"{NAME} has no float64")
        return AwayTensor(value)

    return tree_map(wrapped, result)


def _held(value: Any) -> Any:
    return value.held if isinstance(value, AwayTensor) else value


def _check(func: Any, leaves: list[Any]) -> None:
    for tensor in leaves:
        if isinstance(tensor, Tensor) and tensor.device.type == "cpu" and tensor.numel() > FEW:
            shape = tuple(tensor.shape)
            raise AssertionError(f"{func._schema.name} has a tensor of the CPU, {shape}")
