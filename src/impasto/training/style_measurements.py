"""What is measured of style pictures for training, kept for those that come again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor

from impasto.losses.moments import Summary
from impasto.networks.styles import COLOURS

Measured = dict[str, Summary]
"""Layer → summary."""


class StyleMeasurements:
    """Measurements by key: they cost more than a step of the network.

    Those of an encoder's layers are kept in float16. Those of colours, which are few numbers, are
    kept exactly: of a nearly grey style the covariance is lost in the rounding.

    Args:
        measure: Picture (1, 3, H, W) → its measurements.
    """

    def __init__(self, measure: Callable[[Tensor], Measured]) -> None:
        self._measure = measure
        self._kept: dict[Hashable, Measured] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __call__(self, picture: Tensor, key: Hashable | None = None) -> Measured:
        """The measurements of a picture (1, 3, H, W); kept under ``key`` if there is one."""
        if key is None:
            return self._measure(picture)
        if key not in self._kept:
            measured = self._measure(picture)
            exact = {name: each for name, each in measured.items() if name.endswith(COLOURS)}
            self._kept[key] = {**_mapped(measured, torch.Tensor.half), **exact}
        # Rounded also the first time: a resumed training makes the same steps.
        return _mapped(self._kept[key], torch.Tensor.float)


def concatenated(measured: Sequence[Measured]) -> Measured:
    """The measurements of one picture each as those of a batch."""
    return {
        name: {key: torch.cat([each[name][key] for each in measured]) for key in summary}
        for name, summary in measured[0].items()
    }


def _mapped(measured: Measured, change: Callable[[Tensor], Tensor]) -> Measured:
    return {
        name: {key: change(value) for key, value in summary.items()}
        for name, summary in measured.items()
    }
