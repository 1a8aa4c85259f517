"""What L-BFGS knows of the curvature: differences of places and of slopes, and a first guess.

The two loops over the pairs are Nocedal's (1980, "Updating Quasi-Newton Matrices with Limited
Storage"). What they leave open, the curvature along all that no pair has seen, is commonly guessed
by one number. Of a picture's waves one can know more: a painting is curved otherwise along its
broad waves than along its fine ones. So the guess is one number an octave.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Pair(NamedTuple):
    """One step, and what the slope did on it: (1, 3, H, W) each.

    Attributes:
        place: Change of the place.
        slope: Change of the slope.
        product: Of the two.
        energies: Squares of both added up, (2, octaves); (2, 1) for pixels.
    """

    place: Tensor
    slope: Tensor
    product: float
    energies: Tensor


class InverseHessian:
    """The last pairs, and the direction that they give.

    Args:
        most: Pairs kept.
        by_octaves: Whether places are waves (cosine transforms), broadest at the upper left; the
            first guess is then one number an octave, else one number.
    """

    # Wherever the guess overshoots the search turns back, which costs as much as another step; such
    # places come in a row. Measured at 512 px: 52 steps with 54 evaluations and 36 with 36 to where
    # one number took 60 with 59 and 42 with 41.
    _BOLDEST, _SHYEST = 0.8, 0.2
    _AFTER_TURNING_BACK, _ELSE = 0.6, 1.05
    _RECENT = 5
    # A guess this far from the mean of all octaves is a rounding error in an octave of nothing.
    _FARTHEST = 10.0

    def __init__(self, most: int, *, by_octaves: bool) -> None:
        self._most = most
        self._by_octaves = by_octaves
        self._boldness = self._BOLDEST
        self._pairs: list[Pair] = []

    def __len__(self) -> int:
        return len(self._pairs)

    def clear(self) -> None:
        """Forget everything."""
        self._pairs.clear()
        self._boldness = self._BOLDEST

    def add(self, place: Tensor, slope: Tensor) -> None:
        """Learn of a step; one without positive curvature would turn later directions uphill."""
        product = _product(place, slope)
        if product > 1e-10:
            energies = torch.stack([self._energies(place), self._energies(slope)])
            self._pairs = [*self._pairs, Pair(place, slope, product, energies)][-self._most :]

    def learn_of_search(self, *, turned_back: bool) -> None:
        """Whether the search along the last direction found its first trial too far."""
        bolder = self._boldness * (self._AFTER_TURNING_BACK if turned_back else self._ELSE)
        self._boldness = min(max(bolder, self._SHYEST), self._BOLDEST)

    def direction(self, slope: Tensor) -> Tensor:
        """Minus the inverse curvature times the slope."""
        direction = -slope
        shares = []
        for pair in reversed(self._pairs):
            shares.append(_product(pair.place, direction) / pair.product)
            direction.add_(pair.slope, alpha=-shares[-1])
        if self._pairs:
            self._guess(direction)
        for pair, share in zip(self._pairs, reversed(shares), strict=True):
            direction.add_(pair.place, alpha=share - _product(pair.slope, direction) / pair.product)
        return direction

    def _guess(self, direction: Tensor) -> None:
        """Multiply by the inverse curvature where nothing else is known of it, in place.

        The ratio of how far places and slopes moved, whatever their directions: it lies between
        the two of Barzilai & Borwein (1988, "Two-Point Step Size Gradient Methods").
        """
        if not self._by_octaves:
            last = self._pairs[-1]
            direction.mul_(last.product / float(last.energies[1].sum()))
            return
        places, slopes = torch.stack([p.energies for p in self._pairs[-self._RECENT :]]).sum(0)
        mean = math.sqrt(float(places.sum()) / float(slopes.sum()))
        guess = (places / slopes).sqrt().nan_to_num(mean)
        guess = guess.clamp(mean / self._FARTHEST, mean * self._FARTHEST) * self._boldness
        for value, ring in zip(guess.tolist(), octaves(direction), strict=True):
            for part in ring:
                part.mul_(value)

    def _energies(self, x: Tensor) -> Tensor:
        """Squares added up in every octave, or all."""
        parts = octaves(x) if self._by_octaves else [(x,)]
        return torch.tensor([sum(float(part.square().sum()) for part in ring) for ring in parts])

    def state_dict(self) -> dict[str, Any]:
        """The pairs, old first, and how bold the guess is."""
        pairs = [(pair.place, pair.slope) for pair in self._pairs]
        return {"pairs": pairs, "boldness": self._boldness}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        self._pairs = []
        for place, slope in state["pairs"]:
            self.add(place.clone(), slope.clone())
        self._boldness = float(state["boldness"])


def octaves(waves: Tensor) -> list[tuple[Tensor, ...]]:
    """Views of a picture's waves (1, 3, H, W) by octaves, fine to broad, of both ways together.

    Frequencies grow to the right and downwards; each octave is what lies beyond half the width or
    half the height of what is left: two rectangles. The last is the mean with the broadest waves.
    """
    rings = []
    height, width = waves.shape[-2:]
    while min(height, width) > 1:
        below, right = height // 2, width // 2
        rings.append((waves[..., below:height, :width], waves[..., :below, right:width]))
        height, width = below, right
    return [*rings, (waves[..., :height, :width],)]


def _product(one: Tensor, other: Tensor) -> float:
    return float(torch.dot(one.flatten(), other.flatten()))
