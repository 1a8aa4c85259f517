"""Several processes that train together, through Accelerate.

``torchrun --nproc_per_node 2 …`` starts the same command several times, as ``accelerate launch``
does on GPUs (with ``--cpu`` it starts one process only). Accelerate is slow to import, so it is
imported only where processes were launched.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from impasto.errors import OptionError, option
from impasto.runtime.devices import find_training_device
from impasto.runtime.optional import require

if TYPE_CHECKING:
    from accelerate import PartialState


class Workers:
    """The processes of one training, of which this is one.

    Args:
        device: The device that this process computes on; the CPU by default.

    Attributes:
        rank: Of this process, from 0; only process 0 writes files and prints.
        count: Number of processes.
        device: The device that this process computes on.
    """

    rank = 0
    count = 1

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")

    def average(self, tensors: list[Tensor]) -> None:
        """Replace every tensor by its mean over all processes."""

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process; all processes must call it."""
        share = torch.tensor([float(flag)])
        self.average([share])
        return bool(share > 0)

    def wait(self) -> None:
        """Wait until all processes have called it."""


class LaunchedWorkers(Workers):
    """Processes started by ``accelerate launch`` or ``torchrun``."""

    def __init__(self, state: PartialState) -> None:
        super().__init__(state.device)
        self._state = state
        self.rank, self.count = state.process_index, state.num_processes

    def average(self, tensors: list[Tensor]) -> None:
        """Replace every tensor by its mean, all in one message."""
        from accelerate.utils import reduce

        flat = torch.cat([tensor.detach().float().reshape(-1) for tensor in tensors])
        flat = reduce(flat.to(self.device), "mean").to(tensors[0].device)
        parts = flat.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def wait(self) -> None:
        """Wait until all processes have called it."""
        self._state.wait_for_everyone()


def launched_workers(device: str = "auto") -> Workers:
    """The processes that this one was launched with; it alone if there are no others.

    Args:
        device: See :func:`impasto.runtime.devices.find_training_device`; on GPUs each process has
            its own.

    Raises:
        OptionError: If there is no such device, or there are several processes and Accelerate is
            not installed, or fewer GPUs than processes.
    """
    resolved = find_training_device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Workers(resolved)
    local_count = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if resolved.type == "cuda" and local_count > torch.cuda.device_count():
        raise OptionError(
            f"{local_count} processes need as many GPUs, and there are "
            f"{torch.cuda.device_count()}: start fewer processes, or give {option('device')} cpu."
        )
    if ":" in device:
        raise OptionError(
            f"{option('device')} {device} is for one process; of several each takes a GPU of its "
            f"own: give {option('device')} cuda or cpu."
        )
    accelerate = require("accelerate", by="Training in several processes")
    return LaunchedWorkers(accelerate.PartialState(cpu=resolved.type == "cpu"))
