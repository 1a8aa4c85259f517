"""Further loss terms for training networks: palette, smoothness, no checkerboards.

All are functions of the picture itself, without an encoder.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.losses import regular_patterns
from impasto.losses.moments import Summary
from impasto.losses.regular_patterns import excess, power_of_cells, uniformity
from impasto.losses.statistics import get_statistic, style_unit
from impasto.objective.terms import Features


class PaletteTerm:
    """Distance between the colours of picture and style: mean and covariance, at any position.

    Colour is a small part of the energy of a Gram matrix, so a network learns it last, though
    people see it first. The distance is Wasserstein-2 between Gaussians of brightness and two
    colour differences (YIQ), the latter scaled by ``CHROMA``. It is relative to the style's own
    spread about mid-grey.

    Args:
        target: :meth:`summary` of the styles, (B, …).
        weight: Of the term.
    """

    layers = ("image",)
    CHROMA = 3.0

    def __init__(self, target: Summary, weight: float = 1.0) -> None:
        self._statistic = get_statistic("gaussian-ot")
        self._target, self._weight = target, weight
        self._unit = style_unit(self._statistic, target)

    @classmethod
    def summary(cls, pictures: Tensor) -> Summary:
        """The summary of the colours of pictures (B, 3, H, W) in [0, 1]."""
        matrix = pictures.new_tensor(
            [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]]
        )
        matrix = matrix * matrix.new_tensor([1.0, cls.CHROMA, cls.CHROMA])[:, None]
        opponents = F.conv2d(pictures - 0.5, matrix[:, :, None, None])
        return get_statistic("gaussian-ot").summary(opponents, None)

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``palette`` → weighted loss, log(1 + x) of each picture's relative distance."""
        distance = self._statistic.distance(self.summary(features["image"]), self._target)
        return {"palette": self._weight * (distance / self._unit).log1p().mean()}


class SmoothnessTerm:
    """Large areas that are uniform in the photograph stay uniform: no haloes in a clear sky.

    In a sky, a network that sees some hundred pixels far knows where another object is near, and
    learns to match a style's colours by shading the sky there. So means over cells of
    ``CELL`` × ``CELL`` pixels, which average strokes out, may differ from those ``LAGS`` cells away
    only where the photograph's do. The term is the mean over such pairs of
    exp(−|Δ photograph|² / 2σ²) |Δ picture|².

    Args:
        content: The photographs, (B, 3, H, W) in [0, 1].
        weight: Of the term.
    """

    layers = ("image",)
    CELL = 16
    LAGS = (1, 4)
    SIGMA = 0.04

    def __init__(self, content: Tensor, weight: float = 1.0) -> None:
        self._weight = weight
        self._similarity = [
            torch.exp(-difference.square().sum(1, keepdim=True) / (2 * self.SIGMA**2))
            for difference in self._differences(content)
        ]

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``even`` → weighted loss; 0 for pictures too small to have pairs."""
        image = features["image"]
        pairs = [
            (similarity * difference.square()).sum(1).flatten()
            for similarity, difference in zip(
                self._similarity, self._differences(image), strict=True
            )
        ]
        values = torch.cat([image.new_zeros(0), *pairs])
        return {"even": self._weight * values.sum() / max(1, len(values))}

    def _differences(self, image: Tensor) -> list[Tensor]:
        """Differences between the means of cells, for each lag and axis."""
        if min(image.shape[-2:]) < self.CELL:
            return []
        cells = F.avg_pool2d(image, self.CELL)
        return [
            cells.narrow(axis, lag, cells.shape[axis] - lag)
            - cells.narrow(axis, 0, cells.shape[axis] - lag)
            for lag in self.LAGS
            for axis in (-2, -1)
            if cells.shape[axis] > lag
        ]


class EvenCells:
    """What terms share that look at cells of the picture where the photograph is uniform.

    Args:
        content: The photographs, (B, 3, H, W) in [0, 1].
        weight: Of the term.
    """

    layers = ("image",)
    CELL = regular_patterns.CELL
    STEP = regular_patterns.STEP
    SIGMA = regular_patterns.SIGMA

    def __init__(self, content: Tensor, weight: float = 1.0) -> None:
        self._weight = weight
        self._uniformity: Tensor | None = None  # for pictures smaller than a cell
        if min(content.shape[-2:]) >= self.CELL:
            self._uniformity = uniformity(content, self.CELL, self.STEP, self.SIGMA)


class CheckerboardTerm(EvenCells):
    """No checkerboards, dots or weaves of a few pixels where the photograph is uniform.

    See :mod:`impasto.losses.regular_patterns`; the mean over all cells.
    """

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``grid`` → weighted loss; 0 for pictures smaller than a cell."""
        image = features["image"]
        if self._uniformity is None:
            return {"grid": image.new_zeros(())}
        found = excess(*power_of_cells(image, self.CELL, self.STEP)).mean(1)
        return {"grid": self._weight * (self._uniformity * found).mean()}
