"""Terms for training the stroke network: a whole palette, no lattices, colours within range.

All are functions of the picture itself, without an encoder.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.colour.spaces import to_oklab
from impasto.losses.sliced import random_directions
from impasto.objective.terms import Features
from impasto.training.terms import CheckerboardTerm


class SlicedPaletteTerm:
    """Sliced Wasserstein distance between the colours of picture and style, in OKLab.

    A network in a style's mean and covariance of colours (:mod:`impasto.networks.colour_map`) still
    has to learn its hues: a palette of many colours is no Gaussian. Colours are those of random
    pixels, hues count ``CHROMA`` times, and the distance is relative to the style's own spread.

    Args:
        styles: Style pictures (B, 3, H, W) in [0, 1].
        weight: Of the term.
        generator: Chooses the pixels.
    """

    layers = ("image",)
    CHROMA = 2.0
    PIXELS = 2048

    def __init__(self, styles: Tensor, weight: float, generator: torch.Generator) -> None:
        self._weight, self._generator = weight, generator
        self._theirs = self._colours(styles)
        self._spread = self._theirs.var(2).sum(1) + 0.01

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``palette`` → weighted loss, log(1 + x) of each picture's relative distance."""
        ours = self._colours(features["image"])
        directions = random_directions(3, ours.dtype, ours.device)
        sorted_ours, sorted_theirs = (
            (directions.mT @ colours).sort(2).values for colours in (ours, self._theirs)
        )
        distance = 3 * (sorted_ours - sorted_theirs).square().mean((1, 2))
        return {"palette": self._weight * (distance / self._spread).log1p().mean()}

    def _colours(self, pictures: Tensor) -> Tensor:
        """OKLab colours (B, 3, PIXELS) of random pixels; those out of range as at its border."""
        flat = pictures.flatten(2)
        chosen = torch.randint(flat.shape[2], (self.PIXELS,), generator=self._generator)
        # Not 0: there a cube root has no finite slope.
        colours = flat[:, :, chosen.to(flat.device)].clamp(0.002, 1)
        lab = to_oklab(colours[..., None])[..., 0]
        return lab * lab.new_tensor([1.0, self.CHROMA, self.CHROMA])[:, None]


class LatticeTerm:
    """What is painted does not depend on the place on a lattice of ``PERIOD`` pixels.

    Strokes fall anywhere. Motifs that a coarse map's units paint fall on its lattice. The term is
    the variance, by place on the lattice, of the energy and of the mean of what was added to the
    plain picture, in cells of ``CELL`` pixels, relative to that energy.

    Args:
        plain: The pictures without paint, (B, 3, H, W).
        weight: Of the term.
    """

    layers = ("image",)
    PERIOD = 16
    CELL = 4

    def __init__(self, plain: Tensor, weight: float) -> None:
        self._plain, self._weight = plain.detach(), weight

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``lattice`` → weighted loss; 0 for pictures smaller than the lattice."""
        added = features["image"] - self._plain
        height, width = (side - side % self.PERIOD for side in added.shape[-2:])
        if not min(height, width):
            return {"lattice": added.new_zeros(())}
        added = added[..., :height, :width]
        energy = F.avg_pool2d(added.square().mean(1, keepdim=True), self.CELL)
        mean = F.avg_pool2d(added, self.CELL)
        unit = energy.mean((1, 2, 3)) + 1e-6
        loss = self._variance(energy) / unit.square() + self._variance(mean) / unit
        return {"lattice": self._weight * loss.log1p().mean()}

    def _variance(self, x: Tensor) -> Tensor:
        """The variance over places on the lattice of a map (B, C, H, W), averaged over C: (B,)."""
        count = self.PERIOD // self.CELL
        rows, columns = (length // count for length in x.shape[-2:])
        places = x.reshape(*x.shape[:2], rows, count, columns, count).mean((2, 4))
        return (places - places.mean((2, 3), keepdim=True)).square().mean((1, 2, 3))


class WeaveTerm(CheckerboardTerm):
    """No weaves, rows of strokes or plaids where the photograph is uniform: 5 to 48 pixels.

    They follow the lattice of the network's coarse maps. Strokes may be there: within each of the
    ``PERIODS`` their power P is spread over many frequencies, that of a weave is in a few. A random
    texture has √mean P² = √2 mean P, a painting seldom more than 2.2 mean P, which is the limit
    here, and a plaid of the same power has 20 times as much above it.
    """

    NAME = "weave"
    CELL = 96
    STEP = 48
    PERIODS = (5, 8, 12, 24, 48)
    SIGMA = 0.06
    LIMIT = 2.2

    def excess(self, power: Tensor, frequency: Tensor) -> Tensor:
        """See :class:`CheckerboardTerm`; the bands count by their numbers of frequencies."""
        total, count = power.new_zeros(power.shape[:-1]), 0
        for shortest, longest in pairwise(self.PERIODS):
            inside = (frequency > 1 / longest) & (frequency <= 1 / shortest)
            band = power[..., inside.nonzero()[:, 0].to(power.device)]
            peak = (band.square().mean(-1) + 1e-14).sqrt()
            total = total + band.shape[-1] * (peak - self.LIMIT * band.mean(-1)).clamp_min(0)
            count += band.shape[-1]
        return total / count


class RangeTerm:
    """The mean square of what lies outside [0, 1]: a picture is not clipped in training.

    Args:
        weight: Of the term.
    """

    layers = ("image",)

    def __init__(self, weight: float) -> None:
        self._weight = weight

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``range`` → weighted loss."""
        image = features["image"]
        return {"range": self._weight * (image - image.clamp(0, 1)).square().mean()}
