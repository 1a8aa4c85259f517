"""Metrics of all results of a method, compared with the set of their styles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from impasto import images
from impasto.evaluation.evaluator import read_result
from impasto.evaluation.matching import References
from impasto.evaluation.results import EvaluatedResult, SetValues
from impasto.metrics.fid import MIN_SET_SIZE, frechet_distance
from impasto.metrics.registry import ART_INCEPTION, SET_METRICS
from impasto.runtime.devices import CPU
from impasto.runtime.precision import moved
from impasto.weights.open import open_metric_net

_CACHED_STYLES = 256
"""Styles whose features are kept in memory, 8 kB each."""


class SetEvaluator:
    """Collects features of results one by one, and measures them as sets.

    A style counts once for each of its results. This is as in the authors' program, whose folder
    of styles has a file for each result.

    Args:
        names: Names in :data:`impasto.metrics.registry.SET_METRICS`.
        size: Maximum long side of results, in pixels; styles get that of their result.
        max_pixels: Refuse larger pictures.
        device: Where features are computed.

    Raises:
        WeightsError: The weights are broken or cannot be downloaded.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        size: int = 512,
        max_pixels: int = images.MAX_PIXELS,
        device: torch.device = CPU,
    ) -> None:
        self._names, self._size, self._max_pixels = names, size, max_pixels
        self._device = device
        self._network = moved(open_metric_net(ART_INCEPTION), device)
        self._cached_style = lru_cache(_CACHED_STYLES)(self._style)
        self._features: dict[Path, tuple[Tensor, Tensor]] = {}

    def __call__(self, result: Path, references: References) -> dict[str, float]:
        """Collect a result and its style; returns no values, since neither has any alone.

        Raises:
            ImageError: A picture cannot be read or is too small.
        """
        picture = read_result(result, self._size, self._max_pixels)
        style = self._cached_style(references.style, max(picture.size))
        self._features[result] = self._pooled(picture.tensor), style
        return {}

    def values(self, rows: Sequence[EvaluatedResult]) -> SetValues:
        """Values of every method that has at least ``MIN_SET_SIZE`` results.

        Args:
            rows: Collected results with their own values.
        """
        methods: dict[str, list[EvaluatedResult]] = {}
        for row in rows:
            methods.setdefault(row.method, []).append(row)
        return {
            name: self._measure(results)
            for name, results in methods.items()
            if len(results) >= MIN_SET_SIZE
        }

    def _measure(self, rows: Sequence[EvaluatedResult]) -> dict[str, float]:
        pairs = [self._features[row.result] for row in rows]
        fid = frechet_distance(*(torch.cat(side) for side in zip(*pairs, strict=True)))
        values = {}
        for name in self._names:
            metric = SET_METRICS[name]
            averaged = [row.values[metric.mean_of] for row in rows] if metric.mean_of else [0.0]
            values[name] = metric.function(fid, sum(averaged) / len(averaged))
        return values

    def _style(self, path: Path, long_side: int) -> Tensor:
        style = images.read(path, long_side=long_side, max_pixels=self._max_pixels)
        return self._pooled(style.tensor)

    @torch.no_grad()
    def _pooled(self, picture: Tensor) -> Tensor:
        features: Tensor = self._network(picture.to(self._device))
        return features.cpu()
