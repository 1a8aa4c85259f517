"""Steps of an optimization that may not touch the CPU."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.emulated_device import NAME, away_only
from impasto.optim.divergence import DivergenceGuard
from impasto.optim.interface import Optimizer


def forbid_the_cpu(patch: pytest.MonkeyPatch) -> list[int]:
    """From the second step of each optimizer on; the first moves tables to the device.

    Returns:
        A list that grows by an item with each such step.
    """
    step, seen, strict = DivergenceGuard.step, [], []

    def checked(guard: DivergenceGuard, optimizer: Optimizer) -> Any:
        is_known = any(other is optimizer for other in seen)
        if not is_known:
            seen.append(optimizer)
        if not is_known or optimizer.pixels.device.type != NAME:
            return step(guard, optimizer)
        strict.append(1)
        with away_only():
            return step(guard, optimizer)

    patch.setattr(DivergenceGuard, "step", checked)
    return strict
