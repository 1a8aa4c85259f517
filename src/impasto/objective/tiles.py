"""A picture in tiles, cut so that every feature of the whole picture is found in exactly one tile.

A tile's *core* is its share of the picture. What is handed to the encoder is the core with a *halo*
as wide as the deepest layer sees, so that the features of the core are those of the whole picture
to the last bit but rounding. Cores begin at multiples of the deepest layer's stride, where the
poolings of tile and picture fall on the same pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.encoders.vgg import Encoder
from impasto.losses.moments import Summary
from impasto.losses.statistics import Statistic


@dataclass(frozen=True)
class Tile:
    """One tile; rows and columns are (first, behind the last), in pixels of the picture.

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
        """Whether it is the whole picture."""
        return (self.rows, self.columns) == ((0, self.size[0]), (0, self.size[1]))

    def cut(self, picture: Tensor) -> Tensor:
        """Core and halo of a picture (…, H, W): a view."""
        (top, bottom), (left, right) = self.outer_rows, self.outer_columns
        return picture[..., top:bottom, left:right]

    def core(self, features: Tensor, stride: int) -> Tensor:
        """The core of a layer's features of this tile, halo cut off: a view."""
        if self.is_whole:
            return features
        (top, bottom), (left, right) = self._units(stride)
        first_row, first_column = self.outer_rows[0] // stride, self.outer_columns[0] // stride
        rows = slice(top - first_row, bottom - first_row)
        return features[..., rows, left - first_column : right - first_column]

    def part(self, whole: Tensor, stride: int) -> Tensor:
        """The part of a layer's map of the whole picture that is this tile's core: a view."""
        if self.is_whole:
            return whole
        (top, bottom), (left, right) = self._units(stride)
        return whole[..., top:bottom, left:right]

    def share(self, stride: int) -> float:
        """The share of a layer's units that lie in the core."""
        (top, bottom), (left, right) = self._units(stride)
        of = (self.size[0] // stride) * (self.size[1] // stride)
        return (bottom - top) * (right - left) / of

    def _units(self, stride: int) -> tuple[tuple[int, int], tuple[int, int]]:
        # Floor, as poolings do: a last row that fills no whole unit belongs to none.
        rows, columns = (
            (first // stride, last // stride) for first, last in (self.rows, self.columns)
        )
        return rows, columns


def whole(size: tuple[int, int]) -> Tile:
    """The one tile that is the picture."""
    height, width = size
    return Tile((0, height), (0, width), (0, height), (0, width), size)


def plan_tiles(size: tuple[int, int], side: int, *, stride: int, halo: int) -> list[Tile]:
    """Tiles of about ``side`` pixels each way, halo not counted.

    Args:
        size: Height and width of the picture.
        side: Of a core; made a multiple of ``stride``.
        stride: Of the deepest layer.
        halo: How far the deepest layer sees, made a multiple of ``stride``.
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
    """Nearly equal spans of at most ``side``, all but the last whole multiples of the stride."""
    units = length // stride
    count = max(1, -(-length // side))
    bounds = [units * index // count * stride for index in range(count)]
    bounds = sorted(set(bounds))
    return list(zip(bounds, [*bounds[1:], length], strict=True))


def halo_of(layers: Iterable[str], encoder: Encoder) -> int:
    """How many pixels beyond its own place the deepest of ``layers`` sees, each way."""
    wanted = encoder.check_layers(layers)
    deepest = max((encoder.depth(name) for name in wanted), default=-1)
    names = encoder.layers[: deepest + 1]
    return sum(encoder.stride(name) for name in names if name.startswith("conv"))


@torch.no_grad()
def tiled_features(
    encoder: Encoder, image: Tensor, layers: Iterable[str], tiles: Sequence[Tile]
) -> dict[str, Tensor]:
    """The features of a whole picture, put together from its tiles."""
    height, width = image.shape[-2:]
    wanted = encoder.check_layers(layers)
    features: dict[str, Tensor] = {}
    for tile in tiles:
        for name, feature in encoder(tile.cut(image), wanted).items():
            stride = encoder.stride(name)
            if name not in features:
                shape = (*feature.shape[:2], height // stride, width // stride)
                features[name] = feature.new_empty(shape)
            tile.part(features[name], stride).copy_(tile.core(feature, stride))
    return features


@torch.no_grad()
def tiled_summaries(
    encoder: Encoder,
    image: Tensor,
    layers: Iterable[str],
    statistic: Statistic,
    tiles: Sequence[Tile],
    maps: Mapping[str, Tensor] | None = None,
) -> dict[str, Summary]:
    """Layer → the summary of a whole picture, added up over its tiles.

    Args:
        encoder: Gives the features.
        image: (1, 3, H, W).
        layers: To summarize.
        statistic: Whose summary is a mean, unless there is but one tile.
        tiles: Of the picture.
        maps: Layer → weights (1, 1, H, W) of the layer's size.
    """
    summaries: dict[str, Summary] = {}
    wanted = encoder.check_layers(layers)
    for tile in tiles:
        for name, feature in encoder(tile.cut(image), wanted).items():
            weights = (maps or {}).get(name)
            part = tile_summary(statistic.summary, feature, tile, encoder.stride(name), weights)
            if part:
                add_up(summaries.setdefault(name, {}), part)
    return summaries


def tile_summary(
    summarize: Callable[[Tensor, Tensor | None], Summary],
    features: Tensor,
    tile: Tile,
    stride: int,
    weights: Tensor | None,
) -> Summary:
    """What a tile adds to the summary of the whole; nothing if its core has no weight.

    Args:
        summarize: Gives means over positions under weights, unless there is but one tile.
        features: A layer's, of core and halo.
        tile: Whose features they are.
        stride: Of the layer.
        weights: (1, 1, H, W) of the whole layer's size, or None for equal ones.
    """
    part, share = None, tile.share(stride)
    if weights is not None:
        part = tile.part(weights, stride)
        share = float(part.double().sum() / weights.double().sum())
    if not share:
        return {}
    summary = summarize(tile.core(features, stride), part)
    return {key: share * mean for key, mean in summary.items()}


def add_up(totals: dict[str, Tensor], more: Mapping[str, Tensor]) -> None:
    """Add values to those of the same name, and take in those that are new."""
    for name, value in more.items():
        totals[name] = totals[name] + value if name in totals else value
