"""Several processes that train together, through Accelerate.

``torchrun --nproc_per_node 2 …`` starts the same command several times, as ``accelerate launch``
does on GPUs (with ``--cpu`` it starts one process only); each finds out here which of them it is.
The library is heavy to import, so it is only where processes were launched.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from impasto.errors import OptionError, option
from impasto.runtime.devices import find_device
from impasto.runtime.optional import require

if TYPE_CHECKING:
    from accelerate import PartialState


class Workers:
    """The processes of one training, of which this is one.

    Args:
        device: That this process computes on; the processor by default.

    Attributes:
        rank: Of this process, from 0; the first one writes files and talks.
        count: How many there are.
        device: That this process computes on.
    """

    rank = 0
    count = 1

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")

    def average(self, tensors: list[Tensor]) -> None:
        """Replace every tensor by its mean over all processes."""

    def any(self, wish: bool) -> bool:
        """Whether one of the processes wishes it; all of them must ask."""
        told = torch.tensor([float(wish)])
        self.average([told])
        return bool(told > 0)

    def wait(self) -> None:
        """Until all processes have come here."""


class LaunchedWorkers(Workers):
    """Processes started by ``accelerate launch`` or ``torchrun``.

    Args:
        state: Accelerate's.
    """

    def __init__(self, state: PartialState) -> None:
        super().__init__(state.device)
        self._state = state
        self.rank, self.count = state.process_index, state.num_processes

    def average(self, tensors: list[Tensor]) -> None:
        """Replace every tensor by its mean, all of them in one message."""
        from accelerate.utils import reduce

        flat = torch.cat([tensor.detach().float().reshape(-1) for tensor in tensors])
        flat = reduce(flat.to(self.device), "mean").to(tensors[0].device)
        parts = flat.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def wait(self) -> None:
        """Until all processes have come here."""
        self._state.wait_for_everyone()


def launched(device: str = "auto") -> Workers:
    """The processes that this one was launched with; it alone if there are none.

    Args:
        device: See :func:`impasto.runtime.devices.find_device`; of several processes on GPUs each has one
            of its own.

    Raises:
        OptionError: If there is no such device, or if there are several processes and Accelerate is
            not installed, or there are fewer GPUs than processes.
    """
    found = find_device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Workers(found)
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if found.type == "cuda" and here > torch.cuda.device_count():
        raise OptionError(
            f"{here} processes need as many GPUs, and there are {torch.cuda.device_count()}: start "
            f"fewer processes, or give {option('device')} cpu."
        )
    if ":" in device:
        raise OptionError(
            f"{option('device')} {device} is for one process; of several each takes a GPU of its own: give "
            f"{option('device')} cuda or cpu."
        )
    accelerate = require("accelerate", by="Training in several processes")
    return LaunchedWorkers(accelerate.PartialState(cpu=found.type == "cpu"))
