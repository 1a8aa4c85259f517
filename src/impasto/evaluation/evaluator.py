"""Metrics of single results."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import torch

from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.errors import ImageError
from impasto.evaluation.matching import References, resize_to_result
from impasto.images.picture import Picture, PictureLike, fit_size
from impasto.metrics.registry import (
    MetricInput,
    available_metrics,
    get_metric,
    measure,
    resolve_metrics,
)
from impasto.metrics.ssim import WINDOW
from impasto.runtime.in_memory import name_of

_CACHED_REFERENCES = 4
"""Contents and styles kept in memory: consecutive results often share them."""


def read_result(path: PictureLike, size: int, max_pixels: int = images.MAX_PIXELS) -> Picture:
    """A result at the size it is evaluated at: ``size`` pixels at most on its long side.

    Raises:
        ImageError: It cannot be read or is too large.
    """
    picture = images.read(path, max_pixels=max_pixels)
    return picture.resized(fit_size(picture.size, size, max_enlarge=1))


class Evaluator:
    """Measures results with an encoder, at one size.

    A result larger than ``size`` is downscaled. Its content is resized to the result's size, its
    style to the result's long side.

    Args:
        encoder: Its features are compared; everything is measured on its device.
        metrics: Names in :data:`impasto.metrics.registry.METRICS`; missing weights are downloaded.
            By default, all metrics whose weights are available.
        size: Maximum long side of results, in pixels.
        max_pixels: Refuse larger pictures.

    Raises:
        OptionError: There is no metric of some name.
        WeightsError: The weights of a metric are broken or cannot be downloaded.
    """

    def __init__(
        self,
        encoder: Encoder,
        metrics: Iterable[str] | None = None,
        *,
        size: int = 512,
        max_pixels: int = images.MAX_PIXELS,
    ) -> None:
        names = resolve_metrics(available_metrics())[0] if metrics is None else metrics
        self._metrics = {name: get_metric(name) for name in names}
        self._device = encoder.mean.device
        opened = {name: metric.open() for name, metric in self._metrics.items() if metric.open}
        self._opened = {
            name: network.to(self._device) if hasattr(network, "to") else network
            for name, network in opened.items()
        }
        self._encoder, self._size, self._max_pixels = encoder, size, max_pixels
        layers = self._layers("content", "style", "")
        self._minimum_side = max(WINDOW, encoder.minimum_side(layers))
        self._cached_content = lru_cache(_CACHED_REFERENCES)(self._content)
        self._cached_style = lru_cache(_CACHED_REFERENCES)(self._style)

    def __call__(self, result: Path, references: References) -> dict[str, float]:
        """Values of one result by ``metric`` and ``metric.layer``, see :meth:`measure`."""
        return self.measure(result, references.content, references.style)

    @torch.no_grad()
    def measure(
        self, result: PictureLike, content: PictureLike, style: PictureLike
    ) -> dict[str, float]:
        """Values of one result by ``metric`` and ``metric.layer``.

        Raises:
            ImageError: A picture cannot be read or is too small, or content and result have
                different aspect ratios.
        """
        picture = read_result(result, self._size, self._max_pixels)
        measured = self._input(picture, name_of(result), "content", "style", "")
        size, long_side = picture.size, max(picture.size)
        inputs = {
            "content": self._cached_content(content, size)
            if isinstance(content, Path)
            else self._content(content, size),
            "style": self._cached_style(style, long_side)
            if isinstance(style, Path)
            else self._style(style, long_side),
            "": None,
        }
        values: dict[str, float] = {}
        for name, metric in self._metrics.items():
            values |= measure(name, measured, inputs[metric.reference], self._opened.get(name))
        return values

    def _content(self, source: PictureLike, size: tuple[int, int]) -> MetricInput:
        content = images.read(source, max_pixels=self._max_pixels)
        return self._input(resize_to_result(content, size), name_of(source), "content")

    def _style(self, source: PictureLike, long_side: int) -> MetricInput:
        style = images.read(source, long_side=long_side, max_pixels=self._max_pixels)
        return self._input(style, name_of(source), "style")

    def _input(self, picture: Picture, name: str, *references: str) -> MetricInput:
        height, width = picture.size
        if min(height, width) < self._minimum_side:
            raise ImageError(
                f"{name} is evaluated at {width}×{height} px: the metrics need at least "
                f"{self._minimum_side} px on each side."
            )
        tensor = picture.tensor.to(self._device)
        return MetricInput(tensor, self._encoder(tensor, self._layers(*references)))

    def _layers(self, *references: str) -> frozenset[str]:
        """Layers of all metrics with one of these references."""
        metrics = [metric for metric in self._metrics.values() if metric.reference in references]
        return frozenset(layer for metric in metrics for layer in metric.layers)
