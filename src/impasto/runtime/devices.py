"""Device names to PyTorch devices."""

from __future__ import annotations

import torch

from impasto.errors import OptionError, option


def find_device(name: str = "auto") -> torch.device:
    """The device with a name, checked to be available.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:1``, …; ``auto`` is CUDA if available, else the CPU. It is
            never Apple's GPU, which lacks what training needs (eigenvalues, float64).

    Raises:
        OptionError: If the name is unknown or the device is not available.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OptionError(
            f"{option('device')} {name} is not a device: choose auto, cpu or cuda."
        ) from error
    if not _is_available(device):
        raise OptionError(
            f"{option('device')} {name}: this PyTorch ({torch.__version__}) sees no such device; "
            "choose auto or cpu."
        )
    return device


def _is_available(device: torch.device) -> bool:
    index = device.index or 0
    if device.type == "cuda" and torch.cuda.is_available():
        return index < torch.cuda.device_count()
    return device.type == "cpu" and index == 0
