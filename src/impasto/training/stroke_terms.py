"""Terms for training the stroke network: a whole palette, no lattices, colours within range.

All are functions of the picture itself, without an encoder.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.colour.spaces import to_oklab
from impasto.losses.regular_patterns import windowed
from impasto.losses.sliced import random_directions
from impasto.objective.terms import Features
from impasto.training.terms import EvenCells


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


class WeaveTerm(EvenCells):
    """No weaves, rows of strokes or plaids where the photograph is uniform.

    They repeat; strokes do not, and spectra of small cells do not tell the two apart. So the term
    looks at the autocorrelation ρ of windowed cells of ``CELL`` pixels at all lags from ``NEAREST``
    to ``FARTHEST`` pixels, and is the mean of max(0, ρ − ``LIMIT``)². Of paintings this is about
    .01, of blurred noise .001, of the plaids that networks painted into skies .04 to .08. Cells
    count by how uniform the photograph is (see :mod:`impasto.losses.regular_patterns`), and less
    where hardly anything is visible.
    """

    CELL = 96
    STEP = 48
    NEAREST = 14
    FARTHEST = 48
    LIMIT = 0.15
    SIGMA = 0.06
    VISIBLE = 2 / 255
    _LEAST = 0.05

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``weave`` → weighted loss; 0 for pictures smaller than a cell."""
        image = features["image"]
        if self._uniformity is None:
            return {"weave": image.new_zeros(())}
        cells = image.unfold(-2, self.CELL, self.STEP).unfold(-2, self.CELL, self.STEP)
        uniform = self._uniformity
        chosen = uniform > self._LEAST
        if not chosen.any():
            return {"weave": image.new_zeros(())}
        cells = cells.movedim(1, 3)[chosen]  # (N, 3, CELL, CELL)
        losses = self._repetition(cells) * uniform[chosen]
        return {"weave": self._weight * losses.sum() / uniform.numel()}

    def _repetition(self, cells: Tensor) -> Tensor:
        """The measure for each cell: (N) of (N, C, CELL, CELL)."""
        size = (2 * self.CELL, 2 * self.CELL)  # zeros around: lags do not wrap
        seen, window = windowed(cells)
        power = torch.fft.rfft2(seen, s=size).abs().square().sum(1)
        covariance = torch.fft.irfft2(power, s=size)
        of_window = torch.fft.irfft2(torch.fft.rfft2(window, s=size).abs().square(), s=size)
        places = torch.fft.fftfreq(size[0], device=cells.device) * size[0]
        distance = torch.hypot(places[:, None], places)
        inside = (distance >= self.NEAREST) & (distance <= self.FARTHEST)
        unbiased = covariance[:, inside] / of_window[inside]
        energy = covariance[:, 0, 0] / of_window[0, 0]
        repeated = unbiased / (energy + self.VISIBLE**2)[:, None]
        excess: Tensor = (repeated - self.LIMIT).clamp_min(0)
        return excess.square().mean(1)


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
