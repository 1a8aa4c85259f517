"""A result seen beside its content and its style, and measured."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import torch

from impasto import images
from impasto.encoders.vgg import Encoder, minimum_side
from impasto.errors import ImageError
from impasto.evaluation.matching import Match, brought_to
from impasto.images.picture import Picture, fit_size
from impasto.metrics.registry import Seen, at_hand, chosen, get_metric, measure
from impasto.metrics.ssim import WINDOW

_KEPT = 4
"""Contents and styles kept in memory: the next result is often of one of the last."""


def as_judged(result: Path, size: int, max_pixels: int = images.MAX_PIXELS) -> Picture:
    """A result at the size it is judged at: its own, or smaller with ``size`` as the long side."""
    picture = images.read(result, max_pixels=max_pixels)
    return picture.resized(fit_size(picture.size, size, max_enlarge=1))


class Evaluator:
    """Metrics of results, at one size and by one encoder.

    A result larger than ``size`` is made smaller; its content is brought to the result's own size,
    its style to the result's long side.

    Args:
        encoder: Whose features are compared.
        metrics: Names in :data:`impasto.metrics.registry.METRICS`, whose weights are fetched if they
            are not there; by default all that have theirs.
        size: The most that results have as their long side, in pixels.
        max_pixels: Larger pictures are refused.

    Raises:
        OptionError: For a name that no metric has.
        WeightsError: If the weights of a metric cannot be had.
    """

    def __init__(
        self,
        encoder: Encoder,
        metrics: Iterable[str] | None = None,
        *,
        size: int = 512,
        max_pixels: int = images.MAX_PIXELS,
    ) -> None:
        names = chosen(at_hand())[0] if metrics is None else metrics
        self._metrics = {name: get_metric(name) for name in names}
        self._opened = {
            name: metric.open() for name, metric in self._metrics.items() if metric.open
        }
        self._encoder, self._size, self._max_pixels = encoder, size, max_pixels
        self._least = max(WINDOW, minimum_side(self._layers("content", "style", ""), encoder))
        self._contents = lru_cache(_KEPT)(self._content)
        self._styles = lru_cache(_KEPT)(self._style)

    @torch.no_grad()
    def __call__(self, result: Path, match: Match) -> dict[str, float]:
        """The figures of one result, by metric and by ``metric.layer``.

        Raises:
            ImageError: For pictures that cannot be read, are too small, or do not fit together.
        """
        painted = as_judged(result, self._size, self._max_pixels)
        own = self._seen(painted, result, "content", "style", "")
        references = {
            "content": self._contents(match.content, painted.size),
            "style": self._styles(match.style, max(painted.size)),
            "": None,
        }
        figures: dict[str, float] = {}
        for name, metric in self._metrics.items():
            figures |= measure(name, own, references[metric.against], self._opened.get(name))
        return figures

    def _content(self, path: Path, size: tuple[int, int]) -> Seen:
        content = images.read(path, max_pixels=self._max_pixels)
        return self._seen(brought_to(content, size), path, "content")

    def _style(self, path: Path, long_side: int) -> Seen:
        style = images.read(path, long_side=long_side, max_pixels=self._max_pixels)
        return self._seen(style, path, "style")

    def _seen(self, picture: Picture, path: Path, *sides: str) -> Seen:
        height, width = picture.size
        if min(height, width) < self._least:
            raise ImageError(
                f"{path} is judged at {width}×{height} px: the metrics need at least "
                f"{self._least} px each way."
            )
        return Seen(picture.tensor, self._encoder(picture.tensor, self._layers(*sides)))

    def _layers(self, *sides: str) -> frozenset[str]:
        chosen = [metric for metric in self._metrics.values() if metric.against in sides]
        return frozenset(layer for metric in chosen for layer in metric.layers)
