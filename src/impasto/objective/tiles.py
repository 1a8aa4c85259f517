"""Tiles of a picture with halos, so that tiled features equal those of the whole picture.

Every position of a layer belongs to the *core* of one tile. The encoder gets the core and a *halo*
as wide as the deepest layer's receptive field, so features in the core are those of the whole
picture up to rounding. Cores begin at multiples of the deepest stride, so that poolings are
aligned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from impasto.encoders.protocol import FeatureExtractor
from impasto.losses.moments import Summary
from impasto.losses.statistics import Statistic, check_summary
from impasto.runtime.devices import as_widest_float

Number = TypeVar("Number", float, Tensor)


@dataclass(frozen=True)
class Tile:
    """One tile; rows and columns are (start, stop) in pixels of the picture.

    Attributes:
        rows: Of the core.
        columns: Of the core.
        outer_rows: Of core and halo.
        outer_columns: Of core and halo.
        size: Height and width of the whole picture.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    outer_rows: tuple[int, int]
    outer_columns: tuple[int, int]
    size: tuple[int, int]

    @property
    def is_whole(self) -> bool:
        """Whether the tile is the whole picture."""
        return (self.rows, self.columns) == ((0, self.size[0]), (0, self.size[1]))

    def cut(self, picture: Tensor) -> Tensor:
        """Core and halo, cut from a picture (…, H, W): a view."""
        (top, bottom), (left, right) = self.outer_rows, self.outer_columns
        return picture[..., top:bottom, left:right]

    def core(self, features: Tensor, stride: int) -> Tensor:
        """The core of a layer's features of this tile, without the halo: a view."""
        if self.is_whole:
            return features
        (top, bottom), (left, right) = self._positions(stride)
        first_row, first_column = self.outer_rows[0] // stride, self.outer_columns[0] // stride
        rows = slice(top - first_row, bottom - first_row)
        return features[..., rows, left - first_column : right - first_column]

    def part(self, whole: Tensor, stride: int) -> Tensor:
        """The core, cut from a layer's map of the whole picture: a view."""
        if self.is_whole:
            return whole
        (top, bottom), (left, right) = self._positions(stride)
        return whole[..., top:bottom, left:right]

    def share(self, stride: int) -> float:
        """The fraction of a layer's positions that lie in the core."""
        (top, bottom), (left, right) = self._positions(stride)
        total = (self.size[0] // stride) * (self.size[1] // stride)
        return (bottom - top) * (right - left) / total

    def _positions(self, stride: int) -> tuple[tuple[int, int], tuple[int, int]]:
        # Rounded down, as poolings do: an incomplete last row belongs to no position.
        rows, columns = (
            (start // stride, stop // stride) for start, stop in (self.rows, self.columns)
        )
        return rows, columns


def whole_tile(size: tuple[int, int]) -> Tile:
    """The single tile that covers a picture."""
    height, width = size
    return Tile((0, height), (0, width), (0, height), (0, width), size)


def plan_tiles(size: tuple[int, int], side: int, *, stride: int, halo: int) -> list[Tile]:
    """Tiles with cores of about ``side`` pixels each way.

    Args:
        size: Height and width of the picture.
        side: Of a core, without the halo; rounded down to a multiple of ``stride``.
        stride: Of the deepest layer.
        halo: Receptive field of the deepest layer, each way; rounded up to a multiple of
            ``stride``.
    """
    halo = -(-halo // stride) * stride
    rows, columns = (
        _spans(length, max(stride, side // stride * stride), stride) for length in size
    )

    def outer(span: tuple[int, int], length: int) -> tuple[int, int]:
        return max(0, span[0] - halo), min(length, span[1] + halo)

    return [
        Tile(row, column, outer(row, size[0]), outer(column, size[1]), size)
        for row in rows
        for column in columns
    ]


def _spans(length: int, side: int, stride: int) -> list[tuple[int, int]]:
    """Nearly equal spans of at most ``side``; all but the last are multiples of the stride."""
    units = length // stride
    count = max(1, -(-length // side))
    bounds = [units * index // count * stride for index in range(count)]
    bounds = sorted(set(bounds))
    return list(zip(bounds, [*bounds[1:], length], strict=True))


@torch.no_grad()
def tiled_features(
    encoder: FeatureExtractor, image: Tensor, layers: Iterable[str], tiles: Sequence[Tile]
) -> dict[str, Tensor]:
    """The features of a whole picture (B, 3, H, W), assembled from those of its tiles.

    Returns:
        Layer → (B, C, H', W').
    """
    height, width = image.shape[-2:]
    names = tuple(layers)
    features: dict[str, Tensor] = {}
    for tile in tiles:
        for name, feature in encoder(tile.cut(image), names).items():
            stride = encoder.stride(name)
            if name not in features:
                shape = (*feature.shape[:2], height // stride, width // stride)
                features[name] = feature.new_empty(shape)
            tile.part(features[name], stride).copy_(tile.core(feature, stride))
    return features


@torch.no_grad()
def tiled_summaries(
    encoder: FeatureExtractor,
    image: Tensor,
    layers: Iterable[str],
    statistic: Statistic,
    tiles: Sequence[Tile],
    maps: Mapping[str, Tensor] | None = None,
) -> dict[str, Summary]:
    """Layer → summary of a whole picture, added up over its tiles.

    Args:
        encoder: Computes the features.
        image: (1, 3, H, W).
        layers: To summarize.
        statistic: Its summary is a mean over positions, unless there is only one tile.
        tiles: Of the picture.
        maps: Layer → weight map (1, 1, H, W) of the layer's size.
    """
    names = tuple(layers)
    summaries: dict[str, Summary] = {}
    for tile in tiles:
        for name, feature in encoder(tile.cut(image), names).items():
            weights = (maps or {}).get(name)
            part = tile_summary(statistic.summary, feature, tile, encoder.stride(name), weights)
            if part:
                accumulate(summaries.setdefault(name, {}), part)
    return summaries


def tile_summary(
    summarize: Callable[[Tensor, Tensor | None], Summary],
    features: Tensor,
    tile: Tile,
    stride: int,
    weights: Tensor | None,
    *,
    crop: bool = False,
) -> Summary:
    """A tile's share of the summary of the whole picture; empty if its core has no weight.

    Args:
        summarize: (features, weight map) → means over positions, unless there is only one tile.
        features: Of a layer, core and halo.
        tile: Whose features they are.
        stride: Of the layer.
        weights: Weight map (1, 1, H, W) of the layer's size, or None for equal weights.
        crop: Whether only the rectangle is computed outside of which all weights are zero.
    """
    part, share = None, tile.share(stride)
    if weights is not None:
        part = tile.part(weights, stride)
        share = float(as_widest_float(part).sum() / as_widest_float(weights).sum())
    if not share:
        return {}
    core = tile.core(features, stride)
    if crop and part is not None:
        core, part = cropped(core, part)
    summary = summarize(core, part)
    check_summary(summary)
    return {key: share * mean for key, mean in summary.items()}


def cropped(features: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Views of the rectangle outside of which all weights (1, 1, H, W) are zero."""
    rows, columns = _box(weights)
    return features[..., rows, columns], weights[..., rows, columns]


def box_share(weights: Tensor) -> float:
    """The share of a map that :func:`cropped` keeps."""
    rows, columns = _box(weights)
    kept = (rows.stop - rows.start) * (columns.stop - columns.start)
    share: float = kept / (weights.shape[-2] * weights.shape[-1])
    return share


def _box(weights: Tensor) -> tuple[slice, slice]:
    spans = []
    for dimension in (-1, -2):
        inside = weights.amax(dimension).flatten(0, -2).amax(0).nonzero()
        spans.append(slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0))
    return spans[0], spans[1]


def accumulate(totals: dict[str, Number], values: Mapping[str, Number]) -> None:
    """Add values to the totals of the same name; a new name starts a total."""
    for name, value in values.items():
        totals[name] = totals[name] + value if name in totals else value
