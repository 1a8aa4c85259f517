"""Memory of a device: the free amount, the peak, and giving back what PyTorch keeps."""

from __future__ import annotations

import gc

import torch

from impasto.runtime import memory
from impasto.runtime.devices import device_module


def memory_budget(device: torch.device) -> float:
    """The bytes that a painting may take by default: two thirds of the device's free memory."""
    if device.type == "cpu":
        return memory.default_memory_budget()
    return free_bytes(device) * 2 / 3


def free_bytes(device: torch.device) -> float:
    """Free memory of a device, with what PyTorch has allocated there and no longer uses."""
    module = device_module(device)
    if module is None:
        return memory.available_bytes()
    if device.type == "mps":  # shares the memory of the machine
        most, held = module.recommended_max_memory(), module.current_allocated_memory()
        return max(0.0, min(float(most - held), memory.available_bytes()))
    if not hasattr(module, "mem_get_info"):
        return memory.available_bytes()
    free, _ = module.mem_get_info(device)
    unused = 0
    if hasattr(module, "memory_reserved"):
        unused = module.memory_reserved(device) - module.memory_allocated(device)
    return float(free + unused)


def base_bytes(device: torch.device) -> float:
    """What a process takes of a device's memory before it has made anything.

    On a GPU none of its free memory: the free amount is asked for after PyTorch has started there.
    """
    return memory.BASE_BYTES if device.type == "cpu" else 0.0


def peak_bytes(device: torch.device) -> float:
    """The most memory of a device that the process has held; what it holds if that is not known."""
    module = device_module(device)
    if hasattr(module, "max_memory_allocated"):
        return float(module.max_memory_allocated(device))
    if hasattr(module, "current_allocated_memory"):
        return float(module.current_allocated_memory())
    return memory.peak_bytes()


def release_memory(device: torch.device) -> None:
    """Give back what is no longer used, after running out of memory."""
    gc.collect()
    module = device_module(device)
    if hasattr(module, "empty_cache"):
        module.empty_cache()
