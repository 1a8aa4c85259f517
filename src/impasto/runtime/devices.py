"""Where to compute: on the processor, or on an accelerator that PyTorch sees."""

from __future__ import annotations

import torch

from impasto.errors import OptionError, option


def find_device(name: str = "auto") -> torch.device:
    """A device by its name.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:1``, …; ``auto`` is CUDA where there is one, else the
            processor. Apple's GPU lacks what training needs (eigenvalues, float64).

    Raises:
        OptionError: For a name that is none, or a device that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OptionError(
            f"{option('device')} {name} is no device: choose auto, cpu or cuda."
        ) from error
    if not _is_there(device):
        raise OptionError(
            f"{option('device')} {name}: this PyTorch ({torch.__version__}) sees no such device; "
            "choose auto or cpu."
        )
    return device


def _is_there(device: torch.device) -> bool:
    if device.type == "cpu":
        return device.index in (None, 0)
    there = device.type == "cuda" and torch.cuda.is_available()
    return there and (device.index or 0) < torch.cuda.device_count()
