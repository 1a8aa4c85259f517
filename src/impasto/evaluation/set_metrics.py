"""The results of a method as a set, beside the set of their styles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from impasto import images
from impasto.evaluation.evaluator import as_judged
from impasto.evaluation.matching import Match
from impasto.evaluation.results import Evaluated, OfSets
from impasto.metrics.fid import ART_INCEPTION, LEAST, SET_METRICS, frechet_distance
from impasto.weights.open import open_metric_net

_KEPT = 256
"""Styles whose features are kept in memory, 8 kB each."""


class Sets:
    """Figures of sets, for which the pictures are gathered one by one.

    A style counts once for each result painted after it, as in the authors' program, where the
    folder of styles has a file for each result.

    Args:
        names: Of :data:`impasto.metrics.fid.SET_METRICS`.
        size: The most that results have as their long side, in pixels; styles have theirs.
        max_pixels: Larger pictures are refused.

    Raises:
        WeightsError: If the weights cannot be had.
    """

    def __init__(
        self, names: Sequence[str], *, size: int = 512, max_pixels: int = images.MAX_PIXELS
    ) -> None:
        self._names, self._size, self._max_pixels = names, size, max_pixels
        self._net = open_metric_net(ART_INCEPTION)
        self._styles = lru_cache(_KEPT)(self._style)
        self._seen: dict[Path, tuple[Tensor, Tensor]] = {}

    def __call__(self, result: Path, match: Match) -> dict[str, float]:
        """See a result and its style; neither has a figure of its own.

        Raises:
            ImageError: For pictures that cannot be read, or are too small.
        """
        painted = as_judged(result, self._size, self._max_pixels)
        style = self._styles(match.style, max(painted.size))
        self._seen[result] = self._features(painted.tensor), style
        return {}

    def figures(self, rows: Sequence[Evaluated]) -> OfSets:
        """Those of every method that has at least ``LEAST`` results.

        Args:
            rows: Results that were seen, with the figures of each.
        """
        methods: dict[str, list[Evaluated]] = {}
        for row in rows:
            methods.setdefault(row.method, []).append(row)
        return {name: self._of(own) for name, own in methods.items() if len(own) >= LEAST}

    def _of(self, rows: Sequence[Evaluated]) -> dict[str, float]:
        pairs = [self._seen[row.result] for row in rows]
        fid = frechet_distance(*(torch.cat(side) for side in zip(*pairs, strict=True)))
        found = {}
        for name in self._names:
            metric = SET_METRICS[name]
            values = [row.figures[metric.mean_of] for row in rows] if metric.mean_of else [0.0]
            found[name] = metric.function(fid, sum(values) / len(values))
        return found

    def _style(self, path: Path, long_side: int) -> Tensor:
        style = images.read(path, long_side=long_side, max_pixels=self._max_pixels)
        return self._features(style.tensor)

    @torch.no_grad()
    def _features(self, picture: Tensor) -> Tensor:
        features: Tensor = self._net(picture)
        return features
