"""Random initial weights that leave torch's global generator alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

_DRAWING = (nn.init.kaiming_uniform_, nn.init.uniform_, torch.Tensor.uniform_)
"""What modules of convolutions and matrices draw their weights with."""


class OwnGenerator(TorchFunctionMode):
    """Within the block, modules made in this thread draw their weights from a generator of its own.

    It starts in the state of torch's global generator, so the weights are those of a seed given to
    :func:`torch.manual_seed`. The global generator belongs to the whole process: to save its state
    and to put it back would undo what other threads draw meanwhile.
    """

    def __init__(self) -> None:
        super().__init__()
        self._generator = torch.Generator().set_state(torch.get_rng_state())

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch."""
        options = dict(kwargs or {})
        tensor = args[0] if args else options.get("tensor")
        if func in _DRAWING and isinstance(tensor, torch.Tensor) and tensor.device.type == "cpu":
            options["generator"] = self._generator
        return func(*args, **options)
